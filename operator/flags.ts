/** The operator's command line. */
import { hostname } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { durationMs } from '../api/units.ts';
import packageJson from '../package.json' with { type: 'json' };
import { REPORT_URL } from './evidence/http-reports.ts';
import type { LeaseTiming } from './kube/lease.ts';
import type { NetworkPolicyOptions } from './render/input.ts';

export interface Flags {
  kubeconfig?: string;
  context?: string;
  namespace?: string;
  runtimeImage: string;
  imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  runtimePullSecrets?: string[];
  runtimeOtlpEndpoint?: string;
  runtimeTraceRatio: number;
  leaderElect: boolean;
  leaseNamespace?: string;
  leaseName: string;
  leaseDuration: number;
  metrics: { host: string; port: number };
  workers: number;
  reportUrl: string;
  prometheusUrl?: string;
  podMonitor: boolean;
  networkPolicy: boolean;
  networkPolicyPeers?: NetworkPolicyOptions;
  logLevel: 'debug' | 'info' | 'warn' | 'error';
}

export function operatorCommand(): Command {
  return new Command('modelship-operator')
    .description('keeps ModelDeployments true in a Kubernetes cluster')
    .version(packageJson.version)
    .option('--kubeconfig <file>', 'how to reach the cluster (default: the ServiceAccount, KUBECONFIG, ~/.kube/config)')
    .option('--context <name>', 'context of the kubeconfig')
    .option('-n, --namespace <name>', 'look after this namespace only (default: all)')
    .option('--runtime-image <image>', 'image of the pods that serve', `modelship-runtime:${packageJson.version}`)
    .addOption(
      new Option('--image-pull-policy <policy>', 'for that image').choices(['Always', 'IfNotPresent', 'Never']),
    )
    .option(
      '--runtime-pull-secrets <names>',
      "Secrets to pull that image with where a ModelDeployment names none; each in the ModelDeployment's namespace",
      secretNames,
    )
    .option(
      '--runtime-otlp-endpoint <url>',
      'the OTLP/HTTP endpoint that models send traces to, such as http://collector:4318 (default: no traces)',
      serverUrl,
    )
    .option('--runtime-trace-ratio <ratio>', 'share of traces that begin at a model and are kept', ratio, 0.1)
    .option('--no-leader-elect', 'take this process for the only one')
    .option('--lease-namespace <name>', 'where the Lease is (default: the namespace of this process)')
    .option('--lease-name <name>', 'name of the Lease', 'modelship-operator')
    .option('--lease-duration <duration>', 'how long a leader that is gone holds the Lease', duration, 15_000)
    .option('--metrics <host:port>', 'where /metrics, /healthz and /readyz are', address, {
      host: '0.0.0.0',
      port: 8080,
    })
    .option('--workers <count>', 'ModelDeployments at work at a time', count, 32)
    .option(
      '--report-url <template>',
      "where a pod's report is; {ip}, {namespace} and {pod} are filled in",
      reportUrl,
      REPORT_URL,
    )
    .option('--prometheus-url <url>', 'the Prometheus that checks of a rollout ask (default: none)', serverUrl)
    .option('--pod-monitor', 'make a PodMonitor per ModelDeployment, where that kind is served', false)
    .option('--network-policy', 'make a NetworkPolicy per ModelDeployment', false)
    .option(
      '--network-policy-peers <json>',
      'who it lets in, as NetworkPolicyPeers: {"clients": […], "gateways": […], "admins": […]} (default: everybody)',
      peers,
    )
    .addOption(
      new Option('--log-level <level>', 'least severity of a line')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    );
}

/** Renewals must end well before the Lease does: a third of it for a write that is under way, half for renewing. */
export function leaseTimingOf(leaseMs: number): LeaseTiming {
  return {
    leaseMs,
    renewDeadlineMs: Math.floor(leaseMs * 0.55),
    retryMs: Math.floor(leaseMs * 0.13),
    writeTimeoutMs: Math.floor(leaseMs * 0.33),
  };
}

export function identity(random: () => string): string {
  return `${hostname()}_${random()}`;
}

function duration(text: string): number {
  if (!/^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$/.test(text))
    throw new InvalidArgumentError('expected a duration, such as 15s');
  const ms = durationMs(text);
  if (ms < 1_000) throw new InvalidArgumentError('a Lease lasts at least 1s');
  return ms;
}

function reportUrl(text: string): string {
  const url = text.replaceAll('{ip}', '192.0.2.1').replaceAll('{namespace}', 'n').replaceAll('{pod}', 'p');
  if (url !== text && /^https?:/.test(url) && URL.canParse(url)) return text;
  throw new InvalidArgumentError('expected an http:// or https:// URL with {ip}, or with {namespace} and {pod}, in it');
}

function serverUrl(text: string): string {
  const url = /^https?:\/\//.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url && !url.username && !url.password && !url.search && !url.hash) return text;
  throw new InvalidArgumentError('expected an http:// or https:// URL without user, query and fragment');
}

/** @returns each once, in their order */
function secretNames(text: string): string[] {
  const names = [...new Set(text.split(',').map((name) => name.trim()))];
  const wrong = names.find((name) => name.length > 253 || !/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name));
  if (wrong === undefined) return names;
  throw new InvalidArgumentError(`"${wrong}" is no name of a Secret; expected names with commas between`);
}

const PEER = z.strictObject({
  podSelector: z.record(z.string(), z.unknown()).optional(),
  namespaceSelector: z.record(z.string(), z.unknown()).optional(),
  ipBlock: z.strictObject({ cidr: z.string(), except: z.array(z.string()).optional() }).optional(),
});
const PEERS = z.strictObject({
  clients: z.array(PEER).optional(),
  gateways: z.array(PEER).optional(),
  admins: z.array(PEER).optional(),
});

/** @returns without empty lists, which would let nobody in */
function peers(text: string): NetworkPolicyOptions {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InvalidArgumentError(`expected JSON: ${(error as Error).message}`);
  }
  const parsed = PEERS.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new InvalidArgumentError(`${issue?.path.join('.') || 'the value'}: ${issue?.message}`);
  }
  return Object.fromEntries(Object.entries(parsed.data).filter(([, list]) => list.length > 0));
}

function ratio(text: string): number {
  // Helm writes a small number as 1e-05.
  if (/^[\d.]+(e-\d+)?$/i.test(text) && Number(text) <= 1) return Number(text);
  throw new InvalidArgumentError('expected a number from 0 to 1');
}

function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('expected a whole number above 0');
  return number;
}

function address(text: string): { host: string; port: number } {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) > 65_535) throw new InvalidArgumentError('expected HOST:PORT');
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}
