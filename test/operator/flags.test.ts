import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { type Flags, leaseTimingOf, operatorCommand } from '../../operator/flags.ts';
import { leaseTiming } from '../../operator/kube/lease-timing.ts';

/** The flags, or what is said of them. */
function read(...args: string[]): Flags | string {
  let said = '';
  const command = operatorCommand()
    .exitOverride()
    .configureOutput({ writeErr: (text) => (said += text), writeOut: (text) => (said += text) });
  try {
    return command.parse(args, { from: 'user' }).opts<Flags>();
  } catch (error) {
    if (error instanceof CommanderError) return said;
    throw error;
  }
}

it('has defaults for all that it needs', () => {
  expect(read()).toEqual({
    runtimeImage: expect.stringMatching(/^modelship-runtime:\d/),
    leaderElect: true,
    leaseName: 'modelship-operator',
    leaseDuration: 15_000,
    metrics: { host: '0.0.0.0', port: 8080 },
    workers: 32,
    runtimeTraceRatio: 0.1,
    reportUrl: 'http://{ip}:9090/modelship/report',
    podMonitor: false,
    networkPolicy: false,
    logLevel: 'info',
  });
});

describe('takes', () => {
  const cases: Record<string, [string[], Partial<Flags>]> = {
    'an address of IPv6': [['--metrics', '[::]:9000'], { metrics: { host: '::', port: 9000 } }],
    'any port': [['--metrics', '127.0.0.1:0'], { metrics: { host: '127.0.0.1', port: 0 } }],
    'a duration of two units': [['--lease-duration', '1m30s'], { leaseDuration: 90_000 }],
    'no leader election': [['--no-leader-elect'], { leaderElect: false }],
    'Secrets for the image, each once': [
      ['--runtime-pull-secrets', 'registry, mirror.example,registry'],
      { runtimePullSecrets: ['registry', 'mirror.example'] },
    ],
    'traces of models': [
      ['--runtime-otlp-endpoint', 'http://collector:4318', '--runtime-trace-ratio', '0.5'],
      { runtimeOtlpEndpoint: 'http://collector:4318', runtimeTraceRatio: 0.5 },
    ],
    'who may reach models, without empty lists': [
      ['--network-policy-peers', '{"clients":[{"ipBlock":{"cidr":"10.0.0.0/8"}}],"gateways":[]}'],
      { networkPolicyPeers: { clients: [{ ipBlock: { cidr: '10.0.0.0/8' } }] } },
    ],
    'a very small share': [['--runtime-trace-ratio', '1e-05'], { runtimeTraceRatio: 1e-5 }],
    'reports through a proxy': [
      ['--report-url', 'https://proxy.example.com/{namespace}/{pod}'],
      { reportUrl: 'https://proxy.example.com/{namespace}/{pod}' },
    ],
    'a Prometheus below a path': [
      ['--prometheus-url', 'https://thanos.example.com/tenant'],
      { prometheusUrl: 'https://thanos.example.com/tenant' },
    ],
  };
  it.each(Object.entries(cases))('%s', (_, [args, flags]) => expect(read(...args)).toMatchObject(flags));
});

describe('refuses, and says what it expects:', () => {
  const cases: Record<string, [string[], RegExp]> = {
    'what is no flag': [['start'], /^error: too many arguments/],
    'a Secret of another namespace': [['--runtime-pull-secrets', 'a,b/c'], /"b\/c" is no name of a Secret/],
    'no Secrets': [['--runtime-pull-secrets', ''], /"" is no name of a Secret/],
    'a share of traces in percent': [['--runtime-trace-ratio', '50'], /expected a number from 0 to 1/],
    'an endpoint of gRPC': [['--runtime-otlp-endpoint', 'collector:4317'], /expected an http:\/\//],
    'peers that are no JSON': [['--network-policy-peers', 'all'], /'--network-policy-peers <json>'.*expected JSON/],
    'peers of nobody we know': [['--network-policy-peers', '{"users":[]}'], /Unrecognized key: "users"/],
    'a peer that is none': [
      ['--network-policy-peers', '{"admins":[{"pod":{}}]}'],
      /admins\.0: Unrecognized key: "pod"/,
    ],
    'no workers': [['--workers', '0'], /'--workers <count>'.*expected a whole number above 0/],
    'half a worker': [['--workers', '1.5'], /expected a whole number above 0/],
    'a port alone': [['--metrics', '8080'], /'--metrics <host:port>'.*expected HOST:PORT/],
    'a port that is none': [['--metrics', 'a:70000'], /expected HOST:PORT/],
    'a duration without a unit': [['--lease-duration', '15'], /expected a duration, such as 15s/],
    'a Lease too short': [['--lease-duration', '0.5s'], /a Lease lasts at least 1s/],
    'a severity that is none': [['--log-level', 'loud'], /Allowed choices are debug/],
    'a policy that is none': [['--image-pull-policy', 'Sometimes'], /Allowed choices are Always/],
    'reports of nowhere': [['--report-url', 'pods'], /'--report-url <template>'.*expected an http:\/\//],
    'a Prometheus of no protocol': [['--prometheus-url', 'prometheus:9090'], /expected an http:\/\/ or https:\/\/ URL/],
    'a Prometheus with a password in its URL': [['--prometheus-url', 'http://a:b@p:9090'], /without user, query/],
    'reports of one pod for all': [['--report-url', 'http://localhost/report'], /with \{ip\}, or with/],
  };
  it.each(Object.entries(cases))('%s', (_, [args, says]) => expect(read(...args)).toMatch(says));
});

it('derives a timing of the Lease under which no two lead', () => {
  for (const ms of [1_000, 1_500, 15_000, 120_000]) expect(leaseTiming(leaseTimingOf(ms)).leaseMs).toBe(ms);
});
