/** Tracing of whole processes, by the environment that a user sets. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Call } from '../../../runtime/inference.ts';
import { deadPort, until } from '../../traffic/support.ts';
import { post, startWith } from '../child.ts';
import { ROW } from '../grpc/support.ts';
import { SERVING } from '../harness.ts';
import { type ReceivedSpan, receiver, tracedTo } from './receiver.ts';

const BODY = { inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64], data: ROW }] };
const PATH = '/v2/models/m/infer';

/** Says on stderr which files of the packed program a process loads, in each of its processes. */
const WATCH = `
import { registerHooks } from 'node:module';
registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    if (found.url.endsWith('.mjs')) process.stderr.write('LOADED ' + found.url + '\\n');
    return found;
  },
});`;
const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(WATCH)}`;

async function ready(env: Record<string, string>, changes = {}) {
  const child = startWith(changes, env);
  const ports = await child.logged('listening');
  await child.logged('ready');
  return { child, port: ports.entry };
}

async function ended({ process, exit }: ReturnType<typeof startWith>): Promise<string> {
  process.kill('SIGTERM');
  const { code, stderr } = await exit;
  expect(code).toBe(0);
  return stderr;
}

/** Packages of OpenTelemetry: each file tells what it was packed of. */
function loaded(stderr: string): Set<string> {
  const files = new Set([...stderr.matchAll(/LOADED (\S+)/g)].map(([, url]) => fileURLToPath(url as string)));
  const from = [...files].flatMap((file) => [
    ...readFileSync(file, 'utf8').matchAll(/^\/\/ (\S+\/\S+\.[cm]?[jt]s)$/gm),
  ]);
  // As many as it has modules; else nothing is told any more, and so nothing is seen here.
  expect(from.length).toBeGreaterThan(300);
  return new Set(from.flatMap(([, file = '']) => /node_modules\/(@opentelemetry\/[^/]+)/.exec(file)?.[1] ?? []));
}

describe('by the environment', () => {
  test.each<[string, Record<string, string>]>([
    ['none of it', {}],
    ['OTEL_SDK_DISABLED', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_SDK_DISABLED: 'true' }],
    ['OTEL_TRACES_EXPORTER=none', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_TRACES_EXPORTER: 'none' }],
  ])('%s: off, and nothing of OpenTelemetry is loaded but what the metrics bring', async (_which, env) => {
    const { child, port } = await ready({ ...env, NODE_OPTIONS });
    expect(await post(port, PATH, BODY)).toMatchObject({ status: 200 });
    // prom-client asks it for nothing unless there is an SDK.
    expect(loaded(await ended(child))).toEqual(new Set(['@opentelemetry/api']));
  });

  test('an endpoint: on, the packages are there, and what was traced is exported before SIGTERM ends it', async () => {
    const collector = await receiver();
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
      OTEL_SERVICE_NAME: 'digits',
      OTEL_RESOURCE_ATTRIBUTES: 'k8s.pod.name=digits-v1-abc,service.name=other,modelship.version=v7',
      // Longer than the test: only the end of the process exports.
      OTEL_BSP_SCHEDULE_DELAY: '600000',
      NODE_OPTIONS,
    };
    const { child, port } = await ready(env);
    await post(port, PATH, BODY);
    expect(collector.spans).toEqual([]);
    expect(loaded(await ended(child))).toContain('@opentelemetry/sdk-trace');
    const resource = { 'service.name': 'digits', 'k8s.pod.name': 'digits-v1-abc', 'modelship.version': 'v7' };
    expect(collector.named('POST /v2/models/:model/infer')).toMatchObject([{ resource }]);
  });

  test('several processes of a replica: each exports its own, the head loads nothing', async () => {
    const collector = await receiver();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '20' };
    const { child, port } = await ready(env, { serving: { ...SERVING, execution: { cores: 2, processes: 2 } } });
    const servers = () => collector.spans.filter(({ kind }) => kind === 2);
    const pids = () => new Set(servers().map(({ resource }: ReceivedSpan) => resource['process.pid']));
    // Each connection goes to one of them.
    await until(() => {
      void post(port, PATH, BODY);
      return pids().size === 2;
    });
    expect(pids()).not.toContain(child.process.pid);
    await ended(child);
  });
});

describe('an endpoint that does not take traces', () => {
  test.each<[string, () => Promise<string>]>([
    ['nobody is there', async () => `http://127.0.0.1:${await deadPort()}`],
    ['it never answers', async () => (await receiver({ answer: () => {} })).url],
    ['it refuses', async () => (await receiver({ answer: (response) => response.writeHead(400).end() })).url],
  ])('%s: every request is answered, its end is not held up, and it is said once', async (_which, url) => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: await url(),
      OTEL_BSP_SCHEDULE_DELAY: '20',
      OTEL_BSP_MAX_QUEUE_SIZE: '64',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '16',
      OTEL_EXPORTER_OTLP_TIMEOUT: '200',
    };
    const { child, port } = await ready(env);
    const failures = () => child.lines.filter(({ code }) => code === 'TRACES_NOT_EXPORTED');
    let asked = 0;
    const ask = async () => {
      while (failures().length === 0 || asked < 400) {
        asked++;
        expect(await post(port, PATH, BODY)).toMatchObject({ status: 200 });
      }
    };
    await Promise.all(Array.from({ length: 8 }, ask));
    const [told] = failures();
    expect(told).toMatchObject({ level: 40, endpoint: `${env.OTEL_EXPORTER_OTLP_ENDPOINT}/v1/traces` });
    const asking = performance.now();
    await ended(child);
    expect(performance.now() - asking).toBeLessThan(10_000);
    expect(failures()).toHaveLength(1);
  });

  test('that never answers does not get more at a time than may wait', async () => {
    let open = 0;
    let most = 0;
    const collector = await receiver({
      answer: (response) => {
        most = Math.max(most, ++open);
        response.on('close', () => open--);
      },
    });
    vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '50');
    onTestFinished(() => void vi.unstubAllEnvs());
    const env = { OTEL_BSP_MAX_QUEUE_SIZE: '64', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '16' };
    const tracing = await tracedTo(collector, { env });
    const call: Call = {
      url: PATH,
      method: 'POST',
      headers: {},
      body: undefined,
      model: 'm',
      version: undefined,
      caller: {},
      onGone: () => () => {},
    };
    await until(() => {
      for (let i = 0; i < 64; i++) {
        const arrived = performance.now();
        const trace = tracing.begin(call, { direct: false, copied: false, arrived });
        trace.answered({ status: 200, headers: {}, body: '' }, arrived);
      }
      return collector.requests >= 60;
    });
    expect(most).toBeLessThanOrEqual(4);
    await tracing.stop();
  });

  test('that is slow is given what waited, and no more waits than may', async () => {
    const hold = Promise.withResolvers<void>();
    const collector = await receiver({ hold: hold.promise });
    const { child, port } = await ready({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '20',
      OTEL_BSP_MAX_QUEUE_SIZE: '64',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '16',
    });
    for (let i = 0; i < 100; i++) expect(await post(port, PATH, BODY)).toMatchObject({ status: 200 });
    await until(() => collector.requests > 0);
    expect(collector.requests).toBe(1);
    hold.resolve();
    await ended(child);
    // Of some 300: the first export, and the queue.
    expect(collector.spans.length).toBeGreaterThan(64);
    expect(collector.spans.length).toBeLessThanOrEqual(16 + 64);
  });

  test('is told to be back once it takes them', async () => {
    let down = true;
    const collector = await receiver({
      answer: (response) => response.writeHead(down ? 400 : 200).end(),
    });
    const { child, port } = await ready({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '20',
    });
    await post(port, PATH, BODY);
    await until(() => child.lines.some(({ code }) => code === 'TRACES_NOT_EXPORTED'));
    down = false;
    await post(port, PATH, BODY);
    expect(await child.logged('traces are exported again')).toMatchObject({ lost: expect.any(Number) });
    child.process.kill('SIGTERM');
    await once(child.process, 'exit');
  });
});
