import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { deflateRawSync, deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { rawOf } from '../../../runtime/protocol/binary-tensor.ts';
import { DIGITS, type Running, run } from '../harness.ts';
import { identity } from '../onnx-builder.ts';
import { binaryInput, binaryRequest, LENGTH, readAnswer } from './oip.ts';

interface Got {
  status: number;
  headers: Headers;
  /** As it came over the wire, but for `transfer-encoding`. */
  body: Buffer;
}

const PATH = '/v2/models/m/infer';

function open({ entry }: Running): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(entry).port) });
  onTestFinished(() => void socket.destroy());
  return once(socket, 'connect').then(() => socket);
}

/** Sends a request with these headers and no others, in these pieces. */
async function post(running: Running, headers: Record<string, string | number>, ...pieces: Uint8Array[]): Promise<Got> {
  const socket = await open(running);
  const received: Buffer[] = [];
  socket.on('data', (chunk) => received.push(chunk));
  const closed = once(socket, 'close');
  const lines = Object.entries({ host: 'a', connection: 'close', ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  socket.write(`POST ${PATH} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  for (const piece of pieces) {
    await new Promise((resolve) => socket.write(piece, resolve));
    await turn();
  }
  await closed;
  const answer = Buffer.concat(received);
  const end = answer.indexOf('\r\n\r\n');
  const [first = '', ...rest] = answer.subarray(0, end).toString().split('\r\n');
  const pairs = rest.map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]);
  return { status: Number(first.split(' ')[1]), headers: new Headers(pairs), body: answer.subarray(end + 4) };
}

const sized = (headers: Record<string, string>, body: Uint8Array) => ({ ...headers, 'content-length': body.length });

const X = { name: 'x', datatype: 'FP32', shape: [3, 100], data: new Float32Array(300).map((_, i) => i / 8) } as const;
const JSON_BODY = Buffer.from(JSON.stringify({ inputs: [{ ...X, data: Array.from(X.data) }] }));
const JSON_TYPE = { 'content-type': 'application/json' };

const models = () => run({ model: identity('FP32', ['n', 100]) });
const binary = (extra: object = { parameters: { binary_data_output: true } }) =>
  binaryRequest({ inputs: [binaryInput(X)], ...extra }, rawOf(X));

describe('binary tensors over sockets', () => {
  test('in and out, with no content type and with any', async () => {
    const running = await models();
    const { headers, body } = binary();
    for (const type of [{}, { 'content-type': 'application/octet-stream' }, JSON_TYPE]) {
      const got = await post(running, sized({ ...headers, ...type }, body), body);
      expect(got.status, String(got.body)).toBe(200);
      expect(got.headers.get('content-type')).toBe('application/octet-stream');
      expect(got.headers.get('modelship-version')).toBe('v1');
      const { json, raws } = readAnswer(got.headers, got.body);
      expect(json.outputs).toEqual([
        { name: 'y', datatype: 'FP32', shape: [3, 100], parameters: { binary_data_size: 1200 } },
      ]);
      expect(raws).toEqual([rawOf(X)]);
    }
  });

  test('a body in pieces, announced and chunked, whatever the length of the JSON', async () => {
    const running = await models();
    for (let pad = 0; pad < 8; pad++) {
      const { headers, body } = binary({ id: 'i'.repeat(pad), parameters: { binary_data_output: true } });
      const pieces = [body.subarray(0, 7), body.subarray(7, 300), body.subarray(300)];
      const announced = await post(running, sized(headers, body), ...pieces);
      const chunks = pieces.map((piece) =>
        Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]),
      );
      const chunked = await post(
        running,
        { ...headers, 'transfer-encoding': 'chunked' },
        ...chunks,
        Buffer.from('0\r\n\r\n'),
      );
      for (const got of [announced, chunked]) expect(readAnswer(got.headers, got.body).raws).toEqual([rawOf(X)]);
    }
  });

  test('digits: binary in, each of the two outputs in its own form', async () => {
    const running = await run({ launch: { uri: DIGITS } });
    const image = { name: 'image', datatype: 'FP32', shape: [1, 64], data: new Float32Array(64).fill(3) } as const;
    const { headers, body } = binaryRequest(
      {
        inputs: [binaryInput(image)],
        outputs: [{ name: 'label' }, { name: 'probabilities', parameters: { binary_data: true } }],
      },
      rawOf(image),
    );
    const got = await post(running, sized(headers, body), body);
    expect(got.status, String(got.body)).toBe(200);
    const { json, raws } = readAnswer(got.headers, got.body);
    expect(json.outputs[0].data).toHaveLength(1);
    const sum = Array.from({ length: 10 }, (_, i) => raws[0]?.readFloatLE(i * 4) as number).reduce((a, b) => a + b);
    expect(sum).toBeCloseTo(1, 5);
  });

  test.each([
    ['a shorter body than the inputs say', -4, 'INPUT_DATA'],
    ['a longer one', 4, 'INVALID_REQUEST'],
  ])('%s', async (_why, more, code) => {
    const running = await models();
    const { headers, body } = binary();
    const changed = more < 0 ? body.subarray(0, more) : Buffer.concat([body, Buffer.alloc(more)]);
    const got = await post(running, sized(headers, changed), changed);
    expect([got.status, JSON.parse(String(got.body)).code]).toEqual([400, code]);
  });
});

describe('compressed bodies over sockets', () => {
  test.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
  ])('%s in: JSON, and binary whose JSON length counts inflated bytes', async (encoding, pack) => {
    const running = await models();
    const { headers, body } = binary();
    const inJson = pack(JSON_BODY);
    const inBinary = pack(body);
    const json = await post(running, sized({ ...JSON_TYPE, 'content-encoding': encoding }, inJson), inJson);
    expect(JSON.parse(String(json.body)).outputs[0].data).toEqual(Array.from(X.data));
    const got = await post(running, sized({ ...headers, 'content-encoding': encoding }, inBinary), inBinary);
    expect(readAnswer(got.headers, got.body).raws).toEqual([rawOf(X)]);
  });

  test.each([
    ['gzip', gunzipSync],
    ['deflate', inflateSync],
  ])('%s out', async (encoding, unpack) => {
    const running = await models();
    const accepts = { 'accept-encoding': encoding };
    const json = await post(running, sized({ ...JSON_TYPE, ...accepts }, JSON_BODY), JSON_BODY);
    expect([json.headers.get('content-encoding'), json.headers.get('vary')]).toEqual([encoding, 'accept-encoding']);
    expect(Number(json.headers.get('content-length'))).toBe(json.body.length);
    expect(JSON.parse(String(unpack(json.body))).outputs[0].data).toEqual(Array.from(X.data));
    const { headers, body } = binary();
    const got = await post(running, sized({ ...headers, ...accepts }, body), body);
    expect(got.headers.get('content-encoding')).toBe(encoding);
    expect(readAnswer(got.headers, unpack(got.body)).raws).toEqual([rawOf(X)]);
  });

  test('what Python’s clients always send compresses no small answer', async () => {
    const running = await models();
    const headers = { ...JSON_TYPE, 'accept-encoding': 'gzip, deflate' };
    const got = await post(running, sized(headers, JSON_BODY), JSON_BODY);
    expect(got.headers.get('content-encoding')).toBeNull();
    expect(JSON.parse(String(got.body)).outputs).toHaveLength(1);
  });

  test.each([
    ['a body that is no gzip', JSON_BODY, 'gzip', 400, 'INVALID_REQUEST'],
    ['a body cut off', gzipSync(JSON_BODY).subarray(0, -9), 'gzip', 400, 'INVALID_REQUEST'],
    ['two encodings', gzipSync(JSON_BODY), 'deflate, gzip', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['an encoding not known', JSON_BODY, 'zstd', 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ])('%s', async (_why, body, encoding, status, code) => {
    const running = await models();
    const got = await post(running, sized({ ...JSON_TYPE, 'content-encoding': encoding }, body), body);
    expect([got.status, JSON.parse(String(got.body)).code]).toEqual([status, code]);
  });
});

const MIB = 2 ** 20;

describe('memory', () => {
  test('a GiB of zeros in a MiB of gzip, 16 times at once, takes what 16 bodies at the limit may', async () => {
    const running = await models();
    const bomb = Buffer.concat(new Array(64).fill(gzipSync(Buffer.alloc(16 * MIB))));
    expect(bomb.length).toBeLessThan(1.1 * MIB);
    const before = process.memoryUsage.rss();
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss());
    }, 5);
    onTestFinished(() => clearInterval(watch));
    const headers = sized({ ...JSON_TYPE, 'content-encoding': 'gzip' }, bomb);
    const answers = await Promise.all(Array.from({ length: 16 }, () => post(running, headers, bomb)));
    for (const { status, body } of answers)
      expect([status, JSON.parse(String(body)).code]).toEqual([413, 'BODY_TOO_LARGE']);
    expect((most - before) / MIB).toBeLessThan(400);
    expect((await post(running, sized(JSON_TYPE, JSON_BODY), JSON_BODY)).status).toBe(200);
  });

  test('those who announce much and send little take little', async () => {
    const running = await models();
    const before = process.memoryUsage();
    const sockets = await Promise.all(Array.from({ length: 200 }, () => open(running)));
    const head = `POST ${PATH} HTTP/1.1\r\nhost: a\r\n${LENGTH}: 8\r\ncontent-length: ${16 * MIB}\r\n\r\n12345678`;
    for (const socket of sockets) socket.write(head);
    expect((await post(running, sized(JSON_TYPE, JSON_BODY), JSON_BODY)).status).toBe(200);
    await expect.poll(() => running.server.report().inFlight, { timeout: 20_000 }).toBe(200);
    const after = process.memoryUsage();
    expect((after.arrayBuffers - before.arrayBuffers) / MIB).toBeLessThan(64);
    expect((after.rss - before.rss) / MIB).toBeLessThan(128);
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => running.server.report().inFlight, { timeout: 20_000 }).toBe(0);
  });

  test('one byte above the limit is refused, at it not', async () => {
    const running = await run({ model: identity('FP32', ['n']), serving: { limits: { bodyBytes: 5000 } } });
    const bodyOf = (length: number) => {
      const open = '{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]}';
      return Buffer.from(open.padEnd(length));
    };
    for (const [length, status] of [
      [5000, 200],
      [5001, 413],
    ] as const) {
      const body = bodyOf(length);
      const packed = gzipSync(body);
      expect((await post(running, sized(JSON_TYPE, body), body)).status).toBe(status);
      const zipped = await post(running, sized({ ...JSON_TYPE, 'content-encoding': 'gzip' }, packed), packed);
      expect(zipped.status).toBe(status);
    }
  });
});
