/** The operator as a process. Exit codes: 0 ended on request, 1 could not start, 2 the command line cannot be used. */
import './frugal.ts';
import { randomBytes } from 'node:crypto';
import { CommanderError } from 'commander';
import { pino, stdSerializers } from 'pino';
import packageJson from '../package.json' with { type: 'json' };
import { httpReports } from './evidence/http-reports.ts';
import { httpPrometheus } from './evidence/prometheus.ts';
import { type Flags, identity, leaseTimingOf, operatorCommand } from './flags.ts';
import type { RequestSeen } from './kube/client.ts';
import { ConnectError, connect } from './kube/connect.ts';
import { KubeError } from './kube/error.ts';
import type { Log } from './kube/log.ts';
import { OperatorMetrics } from './kube/metrics.ts';
import { serveHealth } from './kube/serve.ts';
import { type Operator, startOperator } from './operator.ts';

/** A second signal, or a graceful end that takes longer than this, ends the process at once. */
const GRACE_MS = 20_000;

async function main(args: readonly string[]): Promise<void> {
  const command = operatorCommand().exitOverride();
  command.parse(args, { from: 'user' });
  await run(command.opts<Flags>());
}

async function run(flags: Flags): Promise<void> {
  const log = logger(flags.logLevel);
  const metrics = new OperatorMetrics();
  const timing = leaseTimingOf(flags.leaseDuration);
  const connecting = {
    ...(flags.kubeconfig !== undefined && { kubeconfig: flags.kubeconfig }),
    ...(flags.context !== undefined && { context: flags.context }),
    // No write may outlive the Lease that it was sent under.
    timeoutMs: flags.leaderElect ? Math.min(10_000, timing.writeTimeoutMs) : 10_000,
    userAgent: `modelship-operator/${packageJson.version}`,
    observe: (seen: RequestSeen) => metrics.requestSeen(seen),
  };
  const connection = await connect(connecting);
  const leaseConnection = flags.leaderElect ? await connect(connecting) : undefined;
  const name = identity(() => randomBytes(5).toString('hex'));
  const reports = httpReports(flags.reportUrl);
  const prometheus = flags.prometheusUrl === undefined ? undefined : httpPrometheus(flags.prometheusUrl);
  let operator: Operator | undefined;
  // Before there is anything to end, should the address be taken.
  const health = await serveHealth({
    ...flags.metrics,
    registry: metrics.registry,
    live: () => operator?.stuck(),
    ready: () => (operator ? operator.notReady() : 'starting'),
  }).catch((error: Error) => {
    throw new StartError(error.message, { cause: error });
  });
  operator = await startOperator({
    client: connection.client,
    namespace: flags.namespace,
    render: {
      runtimeImage: flags.runtimeImage,
      imagePullPolicy: flags.imagePullPolicy,
      imagePullSecrets: flags.runtimePullSecrets?.map((name) => ({ name })),
      ...(flags.runtimeOtlpEndpoint !== undefined && {
        tracing: { endpoint: flags.runtimeOtlpEndpoint, ratio: flags.runtimeTraceRatio },
      }),
      ...(flags.podMonitor && { podMonitor: {} }),
      ...(flags.networkPolicy && { networkPolicy: flags.networkPolicyPeers ?? {} }),
    },
    reports,
    prometheus,
    leaderElection: leaseConnection && {
      client: leaseConnection.client,
      namespace: flags.leaseNamespace ?? connection.namespace,
      name: flags.leaseName,
      identity: name,
      timing,
    },
    workers: flags.workers,
    instance: name,
    log,
    metrics,
  });
  log.info({ server: connection.server, health: health.url, version: packageJson.version, identity: name }, 'started');
  await ended(log);
  await operator.stop();
  await Promise.all([
    health.close(),
    reports.close(),
    prometheus?.close(),
    connection.close(),
    leaseConnection?.close(),
  ]);
  log.info({}, 'ended');
}

/** What keeps it from starting, in words for whoever started it. */
class StartError extends Error {}

function logger(level: Flags['logLevel']) {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: told, error: told },
  });
}

/** A KubeError says all in its message; where in our code it came up is of no use to who reads the log. */
function told(error: Error): object {
  if (!(error instanceof KubeError)) return stdSerializers.err(error);
  const { code, status, message } = error;
  return { type: 'KubeError', code, status, message };
}

/** Returns when it is asked to end; from then on it does so within GRACE_MS, or at once when asked again. */
async function ended(log: Log): Promise<void> {
  const signal = await firstSignal();
  log.info({ signal }, 'ending');
  setTimeout(() => process.exit(1), GRACE_MS).unref();
  for (const again of SIGNALS) process.once(again, () => process.exit(1));
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const seen = (signal: NodeJS.Signals) => {
      for (const one of SIGNALS) process.off(one, seen);
      resolve(signal);
    };
    for (const one of SIGNALS) process.on(one, seen);
  });
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  // Commander has said it already.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
  const expected = [ConnectError, RangeError, StartError].some((kind) => error instanceof kind);
  const { message, stack } = error as Error;
  process.stderr.write(`error: ${expected ? message : (stack ?? error)}\n`);
  process.exit(1);
});
