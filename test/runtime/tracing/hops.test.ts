/** A trace over several versions: forwards, shields and copies, over REST and gRPC; and what is passed on without tracing. */

import { writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Tracing } from '../../../runtime/tracing/trace.ts';
import { classifier, mirroredTable, X } from '../../traffic/mirror-support.ts';
import { MODEL, temporaryFolder, type Upstream, until, upstream, writeTable } from '../../traffic/support.ts';
import { clientOf, INFERENCE } from '../grpc/support.ts';
import { ask, type Running, run } from '../harness.ts';
import { PARENT, type ReceivedSpan, type Receiver, receiver, TRACE, tracedTo, traceparent } from './receiver.ts';

interface TwoOptions {
  collector?: Receiver;
  env?: Record<string, string>;
  /** Of requests that v2 gets; else it gets copies of v1's. */
  share?: number;
  /** Answers its inferences differently than v1. */
  differs?: boolean;
  /** Stands in for v2. */
  at?: number;
}

/** v1 at the front, v2 behind it, each with tracing of its own. */
async function two({ collector, env = {}, share = 0, differs = false, at }: TwoOptions) {
  const file = join(await temporaryFolder(), 'traffic.json');
  await writeFile(file, '');
  const tracing = async (version: string): Promise<{ tracing?: Tracing }> =>
    collector ? { tracing: await tracedTo(collector, { model: MODEL, version, env }) } : {};
  const start = async (version: string, label: number) =>
    run({
      ...(await tracing(version)),
      model: classifier({ label }),
      serving: { protocols: ['rest', 'grpc'] },
      launch: { version, model: MODEL, table: file, entryGrpc: '127.0.0.1:0', directGrpc: '127.0.0.1:0' },
    });
  const v2 = at === undefined ? await start('v2', differs ? 1 : 0) : undefined;
  const port = at ?? Number(new URL((v2 as Running).direct).port);
  const shadow = { v2: share === 0 ? 10_000 : 0 };
  const shares = { v1: 10_000 - share, v2: share };
  await writeTable(file, mirroredTable({ at: { v2: port }, shadow, shares }));
  return { v1: await start('v1', 0), v2 };
}

const OTHER = 'f'.repeat(32);

const rest = ({ entry }: Running, headers: Record<string, string> = {}) =>
  ask(`${entry}/v2/models/${MODEL}/infer`, X(1, 2), { headers });

const X_GRPC = { name: 'x', datatype: 'FP32', shape: [2], contents: { fp32_contents: [1, 2] } };

const grpc = ({ entryGrpc }: Running, metadata: Record<string, string> = {}) =>
  clientOf(entryGrpc, INFERENCE).call(
    'ModelInfer',
    {
      model_name: MODEL,
      inputs: [X_GRPC],
    },
    { metadata },
  );

const at = (version: string, name: RegExp) => (span: ReceivedSpan) =>
  span.resource['service.version'] === version && name.test(span.name);

describe.each([
  ['REST', rest, /^POST \/v2/],
  ['gRPC', grpc, /^inference\.|^POST \/inference\./],
] as const)('over %s', (_protocol, send, server) => {
  test('a forward is a span, and what the other version does is its child', async () => {
    const collector = await receiver();
    const { v1 } = await two({ collector, share: 10_000 });
    await send(v1, { traceparent: traceparent(), tracestate: 'vendor=1' });
    const [entry, forward, direct, ran] = (await collector.found(
      at('v1', server),
      at('v1', /^forward$/),
      at('v2', server),
      at('v2', /^run$/),
    )) as [ReceivedSpan, ReceivedSpan, ReceivedSpan, ReceivedSpan];
    const spans = [entry, forward, direct, ran];
    expect(spans.map(({ traceId }) => traceId)).toEqual(Array(4).fill(TRACE));
    expect(spans.map(({ parent }) => parent)).toEqual([PARENT, entry.spanId, forward.spanId, direct.spanId]);
    expect(spans.map(({ kind }) => kind)).toEqual([2, 3, 2, 1]);
    expect(forward.attributes).toMatchObject({
      'modelship.version': 'v2',
      'server.address': '127.0.0.1',
      'network.peer.address': '127.0.0.1',
      'http.response.status_code': 200,
    });
    expect(entry.attributes).toMatchObject({ 'modelship.version': 'v2', 'modelship.door': 'entry' });
    expect(direct.attributes).toMatchObject({ 'modelship.version': 'v2', 'modelship.door': 'direct' });
    expect(collector.spans.filter(({ kind }) => kind > 1)).toHaveLength(3);
  });

  test('a copy is a span of the trace that says so, after the answer, and whether it was answered alike', async () => {
    const collector = await receiver();
    const { v1 } = await two({ collector, differs: true });
    await send(v1, { traceparent: traceparent() });
    const [entry, mirror, direct] = (await collector.found(
      at('v1', server),
      at('v1', /^mirror$/),
      at('v2', /^POST \/v2/),
    )) as [ReceivedSpan, ReceivedSpan, ReceivedSpan];
    expect([mirror.parent, direct.parent, direct.traceId]).toEqual([entry.spanId, mirror.spanId, TRACE]);
    expect(mirror).toMatchObject({
      kind: 3,
      attributes: { 'modelship.mirror': true, 'modelship.mirror.differs': true, 'modelship.version': 'v2' },
    });
    expect(direct.attributes['modelship.mirror']).toBe(true);
    expect(entry.attributes['modelship.mirror']).toBeUndefined();
    expect(mirror.end).toBeGreaterThan(entry.end);
  });

  test('where the caller’s trace is not kept, nothing is, and its context goes on as it came', async () => {
    const collector = await receiver();
    const { v1, v2 } = await two({ collector, share: 10_000 });
    await send(v1, { traceparent: traceparent(false, OTHER) });
    await send(v1, { traceparent: traceparent(true) });
    await collector.found(at('v2', /^run$/));
    await Promise.all([v1.server.close(0), v2?.server.close(0)]);
    expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
  });

  test('without tracing, a caller’s context is passed on unchanged, with forwards and copies', async () => {
    const sent = { traceparent: traceparent(), tracestate: 'a=1,b=2', baggage: 'user=7' };
    for (const share of [10_000, 0]) {
      const { target, seen } = await listener();
      const { v1 } = await two({ share, at: target.port });
      await send(v1, sent).catch(() => {});
      await until(() => seen.length > 0);
      expect(seen[0]).toMatchObject(sent);
    }
  });
});

test('a version that fails is seen in the trace, and that another answered in its place', async () => {
  const collector = await receiver();
  const target = await upstream((_request, response) => response.writeHead(500).end('{"error":"x","code":"INTERNAL"}'));
  const { v1 } = await two({ collector, share: 10_000, at: target.port });
  expect((await rest(v1)).status).toBe(200);
  const [entry, forward, ran] = await collector.found(at('v1', /^POST/), at('v1', /^forward$/), at('v1', /^run$/));
  expect(entry).toMatchObject({ status: 0, attributes: { 'modelship.shielded': true, 'modelship.version': 'v1' } });
  const attributes = { 'http.response.status_code': 500, 'error.type': 'INTERNAL', 'modelship.version': 'v2' };
  expect(forward).toMatchObject({ status: 2, parent: entry?.spanId, attributes });
  expect(ran?.parent).toBe(entry?.spanId);
});

test('an answer without a code of ours that is passed on is no success', async () => {
  const collector = await receiver();
  const target = await upstream((_request, response) => response.writeHead(404).end('not here'));
  const { v1 } = await two({ collector, share: 10_000, at: target.port });
  await expect(grpc(v1)).rejects.toThrow();
  await rest(v1);
  const [rpc, post] = await collector.found(at('v1', /^inference/), at('v1', /^POST \/v2/));
  expect(rpc?.attributes).toMatchObject({ 'rpc.response.status_code': 'NOT_FOUND', 'error.type': '404' });
  expect(post?.attributes).toMatchObject({ 'http.response.status_code': 404, 'error.type': '404' });
});

test('a caller who hangs up while another version is asked has cancelled the call', async () => {
  const collector = await receiver();
  const asked = Promise.withResolvers<void>();
  const target = await upstream(() => asked.resolve());
  const { v1 } = await two({ collector, share: 10_000, at: target.port });
  const call = clientOf(v1.entryGrpc, INFERENCE).raw.ModelInfer({ model_name: MODEL, inputs: [X_GRPC] }, () => {});
  await asked.promise;
  call.cancel();
  const [rpc, forward] = await collector.found(at('v1', /^inference/), at('v1', /^forward$/));
  expect(rpc?.attributes['rpc.response.status_code']).toBe('CANCELLED');
  expect(forward?.attributes['error.type']).toBe('gone');
});

test.each([
  ['of the share of traces', { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }],
  ['of none', { OTEL_TRACES_SAMPLER: 'parentbased_always_off' }],
])('a sampler %s: what begins here is not kept, and the other version is told so', async (_which, env) => {
  const collector = await receiver();
  const { target, seen } = await listener();
  const { v1 } = await two({ collector, env, share: 10_000, at: target.port });
  await rest(v1);
  await until(() => seen.length > 0);
  expect(seen[0]?.traceparent).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-00$/);
  // A caller who keeps it decides.
  await rest(v1, { traceparent: traceparent() });
  await collector.found(at('v1', /^forward$/));
  await v1.server.close(0);
  expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
});

test('baggage, and a trace state that is not ours, go on with a request that is traced', async () => {
  const collector = await receiver();
  for (const share of [10_000, 0]) {
    const { target, seen } = await listener();
    const { v1 } = await two({ collector, share, at: target.port });
    await rest(v1, { traceparent: traceparent(), tracestate: 'a=1,b=2', baggage: 'user=7' });
    await until(() => seen.length > 0);
    const [hop] = await collector.found(at('v1', share > 0 ? /^forward$/ : /^mirror$/));
    expect(seen[0]).toMatchObject({ tracestate: 'a=1,b=2', baggage: 'user=7' });
    expect(seen[0]?.traceparent).toBe(`00-${TRACE}-${hop?.spanId}-01`);
  }
});

/** What stands in for v2, and the headers that came to it. */
async function listener(): Promise<{ target: Upstream; seen: IncomingHttpHeaders[] }> {
  const seen: IncomingHttpHeaders[] = [];
  const target = await upstream((request, response) => {
    seen.push(request.headers);
    response.writeHead(200, { 'modelship-version': 'v2' }).end('{}');
  });
  return { target, seen };
}
