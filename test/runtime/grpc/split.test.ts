/** The traffic split over gRPC: as over REST, on one connection. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MODEL, type TableParts, tableOf, temporaryFolder, upstream, writeTable } from '../../traffic/support.ts';
import { ask } from '../harness.ts';
import { identity } from '../onnx-builder.ts';
import { type Client, clientOf, digits, failureOf, INFERENCE, type Message, rawDigits, runGrpc } from './support.ts';

const request = (changes: object = {}) => digits({ model_name: MODEL, ...changes });

/** Versions v1 and v2 as processes of their own, v1 at the front. */
async function two(table: Pick<TableParts, 'shares' | 'cohort'>, model?: Buffer) {
  const file = join(await temporaryFolder(), 'traffic.json');
  await writeFile(file, '');
  const options = (version: string) => ({
    ...(model && { model }),
    launch: { version, model: MODEL, table: file, directGrpc: '127.0.0.1:0', entryGrpc: '127.0.0.1:0' },
  });
  const v2 = await runGrpc(options('v2'));
  const at = { v2: Number(new URL(v2.direct).port) };
  await writeTable(file, tableOf({ ...table, at }));
  const v1 = await runGrpc(options('v1'));
  return { v1, v2, client: v1.client };
}

/** Who answered: by the metadata, and by the message. */
async function askedOf(client: Client, changes: object = {}, metadata: Record<string, string> = {}) {
  const answer = await client.call('ModelInfer', request(changes), { metadata });
  return [answer.metadata.get('modelship-version')[0], answer.message.model_version];
}

describe('an inference', () => {
  test('is answered by the version that it draws, typed or raw, metadata and all', async () => {
    const { v1, v2, client } = await two({ shares: { v1: 0, v2: 10_000 } });
    expect(await askedOf(client, { id: 'seven' })).toEqual(['v2', 'v2']);
    const raw = await client.call('ModelInfer', rawDigits({ model_name: MODEL, id: 'seven' }));
    expect(raw.message).toMatchObject({ model_version: 'v2', id: 'seven' });
    expect(raw.message.raw_output_contents).toHaveLength(2);
    expect(v1.server.report().versions.v2).toMatchObject({ routed: 2, forwarded: 2, failed: 0 });
    expect(v2.server.report().versions.v2).toMatchObject({ answered: 2 });
  });

  test('of many on one connection is drawn by itself', async () => {
    const { v1, client } = await two({ shares: { v1: 5_000, v2: 5_000 }, cohort: 'x-user' });
    // The harness draws the same number for all; cohorts are spread by their hash.
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) => askedOf(client, {}, { 'x-user': `user-${i}` })),
    );
    const byV2 = answers.filter(([version]) => version === 'v2').length;
    expect(byV2).toBeGreaterThan(60);
    expect(byV2).toBeLessThan(140);
    const { versions } = v1.server.report();
    expect([versions.v1?.routed, versions.v2?.routed]).toEqual([200 - byV2, byV2]);
    const again = await Promise.all(
      Array.from({ length: 200 }, (_, i) => askedOf(client, {}, { 'x-user': `user-${i}` })),
    );
    expect(again).toEqual(answers);
  });

  test('that names its version gets that one, by the message or by the metadata', async () => {
    const { v1, client } = await two({ shares: { v1: 0, v2: 10_000 } });
    expect(await askedOf(client, { model_version: 'v1' })).toEqual(['v1', 'v1']);
    expect(await askedOf(client, { model_version: 'v2' })).toEqual(['v2', 'v2']);
    expect(await askedOf(client, {}, { 'modelship-version': 'v1' })).toEqual(['v1', 'v1']);
    expect(await failureOf(client.call('ModelInfer', request({ model_version: 'v9' })))).toMatchObject({
      status: 'NOT_FOUND',
      code: 'VERSION_NOT_FOUND',
    });
    const both = client.call('ModelInfer', request({ model_version: 'v1' }), {
      metadata: { 'modelship-version': 'v2' },
    });
    expect(await failureOf(both)).toMatchObject({ status: 'INVALID_ARGUMENT', code: 'INVALID_REQUEST' });
    const direct = clientOf(v1.directGrpc, INFERENCE);
    expect(await askedOf(direct)).toEqual(['v1', 'v1']);
    expect(await failureOf(direct.call('ModelInfer', request({ model_version: 'v2' })))).toMatchObject({
      status: 'FAILED_PRECONDITION',
      code: 'MISDIRECTED',
    });
  });

  test('is shielded from a version that is dead; one that names it is told', async () => {
    const { v1, v2, client } = await two({ shares: { v1: 0, v2: 10_000 } });
    await v2.server.close(0);
    expect(await askedOf(client)).toEqual(['v1', 'v1']);
    const failure = await failureOf(client.call('ModelInfer', request({ model_version: 'v2' })));
    expect(failure).toMatchObject({ status: 'UNAVAILABLE', code: 'VERSION_UNAVAILABLE' });
    expect(v1.server.report().versions.v2).toMatchObject({ failed: 2, shielded: { unreachable: 1 } });
  });

  test('is refused by the other version in its own words and code', async () => {
    const { v1, client } = await two({ shares: { v1: 0, v2: 10_000 } });
    const refused = client.call('ModelInfer', request({ inputs: [] }));
    expect(await failureOf(refused)).toEqual({
      status: 'INVALID_ARGUMENT',
      code: 'MISSING_INPUT',
      details: "input 'image' is missing; the model takes FP32 [-1,64]",
    });
    const { metadata } = await refused.catch((error) => error);
    expect(metadata.get('modelship-version')).toEqual(['v2']);
    expect(v1.server.report().versions.v2).toMatchObject({ forwarded: 1, failed: 0 });
  });

  test('has an answer too large to hold passed on as it comes', async () => {
    const { client } = await two({ shares: { v1: 0, v2: 10_000 } }, identity('FP32'));
    const values = Buffer.from(Float32Array.from({ length: 3_000_000 }, (_, i) => i).buffer);
    const { message } = await client.call('ModelInfer', {
      model_name: MODEL,
      inputs: [{ name: 'x', datatype: 'FP32', shape: [3_000_000] }],
      raw_input_contents: [values],
    });
    expect([message.model_version, Buffer.compare(message.raw_output_contents[0], values)]).toEqual(['v2', 0]);
  });

  test('of a stream is split by itself, and answered in the order of the stream', async () => {
    const { client } = await two({ shares: { v1: 0, v2: 10_000 } });
    const stream = client.raw.ModelStreamInfer();
    const answers: Message[] = [];
    stream.on('data', (message: Message) => answers.push(message));
    const versions = ['', 'v1', 'v2', 'v9', ''];
    for (const [id, model_version] of versions.entries()) stream.write(request({ id: String(id), model_version }));
    stream.end();
    await new Promise((resolve) => stream.on('status', resolve));
    expect(answers.map(({ infer_response: { id } }) => id)).toEqual(['0', '1', '2', '3', '4']);
    expect(answers.map(({ infer_response: { model_version } }) => model_version)).toEqual([
      'v2',
      'v1',
      'v2',
      'v9',
      'v2',
    ]);
    expect(answers[3].error_message).toMatch(/no version 'v9'/);
  });
});

describe('what goes to the other version', () => {
  /** v1 with everything going to a server of the test. */
  async function toUpstream(answer: Parameters<typeof upstream>[0]) {
    const server = await upstream(answer);
    const file = join(await temporaryFolder(), 'traffic.json');
    await writeTable(file, tableOf({ shares: { v1: 0, v2: 10_000 }, at: { v2: server.port } }));
    return { other: server, ...(await runGrpc({ launch: { model: MODEL, version: 'v1', table: file } })) };
  }

  test('is the message as it was, with its metadata and what is left of its time', async () => {
    let got: { url?: string; headers?: Record<string, unknown>; body?: Buffer } = {};
    const { client } = await toUpstream((request, response, body) => {
      got = { url: request.url as string, headers: request.headers, body };
      response.writeHead(400).end(JSON.stringify({ error: 'no', code: 'INPUT_DATA' }));
    });
    const metadata = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'x-a': 'b' };
    const message = request({ id: 'seven' });
    const call = client.call('ModelInfer', message, { metadata, deadline: 20_000 });
    expect(await failureOf(call)).toMatchObject({ status: 'INVALID_ARGUMENT', code: 'INPUT_DATA', details: 'no' });
    expect(got.url).toBe('/inference.GRPCInferenceService/ModelInfer');
    expect(got.body).toEqual(INFERENCE.ModelInfer?.requestSerialize(message));
    expect(got.headers).toMatchObject({ ...metadata, 'modelship-version': 'v2', 'modelship-forwarded': 'digits/v1' });
    expect(Number(got.headers?.['modelship-timeout-ms'])).toBeLessThan(20_000);
    for (const name of ['te', 'grpc-timeout', 'grpc-accept-encoding', 'accept-encoding', ':path']) {
      expect(got.headers).not.toHaveProperty(name);
    }
  });

  test('is taken back when the caller cancels', async () => {
    const { client, other } = await toUpstream(() => {});
    const call = client.raw.ModelInfer(request(), () => {});
    await expect.poll(() => other.requests, { timeout: 20_000 }).toBe(1);
    call.cancel();
    await expect.poll(() => other.cancelled, { timeout: 20_000 }).toBe(1);
  });

  test('is given up when the caller’s deadline passes', async () => {
    const { client, other } = await toUpstream(() => {});
    const call = client.call('ModelInfer', request({ model_version: 'v2' }), { deadline: 3_000 });
    expect(await failureOf(call)).toMatchObject({ status: 'DEADLINE_EXCEEDED' });
    await expect.poll(() => other.cancelled, { timeout: 20_000 }).toBe(1);
  });

  test('and comes back cut short resets the call', async () => {
    const { client } = await toUpstream((_, response) => {
      response.writeHead(200, { 'content-type': 'application/grpc', 'content-length': String(2 ** 24) });
      response.write(Buffer.alloc(2 ** 20), () => response.destroy());
    });
    const { status } = await failureOf(client.call('ModelInfer', request()));
    expect(['INTERNAL', 'UNAVAILABLE', 'CANCELLED']).toContain(status);
  });
});

describe('questions about another version', () => {
  test('are answered by that version', async () => {
    const { v2, client } = await two({ shares: { v1: 10_000, v2: 0 } });
    const asked = { name: MODEL, version: 'v2' };
    expect((await client.call('ModelReady', asked)).message).toEqual({ ready: true });
    expect((await client.call('ModelMetadata', asked)).message).toMatchObject({ name: MODEL, versions: ['v1', 'v2'] });
    expect((await client.call('ModelConfig', asked)).message.config).toMatchObject({ name: MODEL });
    await ask(`${v2.direct}/v2/models/${MODEL}/infer`, {
      inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64], data: new Array(64).fill(1) }],
    });
    const { message } = await client.call('ModelStatistics', asked);
    expect(message.model_stats[0]).toMatchObject({ version: 'v2', inference_count: 1 });
    await v2.server.close(0);
    expect((await client.call('ModelReady', asked)).message).toEqual({ ready: false });
    expect(await failureOf(client.call('ModelMetadata', asked))).toMatchObject({ status: 'UNAVAILABLE' });
  });

  test('are not forwarded from a direct port', async () => {
    const { v1 } = await two({ shares: { v1: 10_000, v2: 0 } });
    const direct = clientOf(v1.directGrpc, INFERENCE);
    const failure = await failureOf(direct.call('ModelMetadata', { name: MODEL, version: 'v2' }));
    expect(failure).toMatchObject({ status: 'FAILED_PRECONDITION', code: 'MISDIRECTED' });
  });
});
