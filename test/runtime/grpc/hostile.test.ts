/** gRPC from those who mean no good: no crash, no INTERNAL, and good calls are answered after. */

import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { FrameReader, framed } from '../../../runtime/grpc/frames.ts';
import { Writer } from '../../../runtime/grpc/writer.ts';
import fc from '../../properties.ts';
import { onnx } from '../onnx-builder.ts';
import { randomOf } from '../random.ts';
import { connection, frame, send } from './raw.ts';
import { clientOf, type GrpcRunning, INFERENCE, rawDigits, runGrpc } from './support.ts';

const SEED = 2_111_2026;

const serialize = (message: object) => INFERENCE.ModelInfer?.requestSerialize(message) as Buffer;

const MODEL = onnx({
  inputs: [
    { name: 'image', element: 'FP32', shape: ['n', 4] },
    { name: 'count', element: 'INT64', shape: ['c'] },
    { name: 'words', element: 'BYTES', shape: ['w'] },
  ],
  outputs: [
    { name: 'y', element: 'FP32', shape: ['n', 4] },
    { name: 'j', element: 'INT64', shape: ['c'] },
    { name: 'v', element: 'BYTES', shape: ['w'] },
  ],
  nodes: [
    { op: 'Identity', inputs: ['image'], outputs: ['y'] },
    { op: 'Identity', inputs: ['count'], outputs: ['j'] },
    { op: 'Identity', inputs: ['words'], outputs: ['v'] },
  ],
});

const INPUTS = [
  { name: 'image', datatype: 'FP32', shape: [1, 4] },
  { name: 'count', datatype: 'INT64', shape: [2] },
  { name: 'words', datatype: 'BYTES', shape: [2] },
];
const RAW = [
  Buffer.from(Float32Array.of(1, 2, 3, 4).buffer),
  Buffer.from(BigInt64Array.of(1n, -2n).buffer),
  Buffer.from('\x01\0\0\0a\x02\0\0\0bc'),
];
const TYPED = [
  { fp32_contents: [1, 2, 3, 4] },
  { int64_contents: [1, -2] },
  { bytes_contents: [Buffer.from('a'), Buffer.from('bc')] },
];
const GOOD = [
  serialize({ model_name: 'm', id: 'g', inputs: INPUTS, raw_input_contents: RAW, outputs: [{ name: 'y' }] }),
  serialize({ model_name: 'm', inputs: INPUTS.map((input, i) => ({ ...input, contents: TYPED[i] })) }),
];

/** INTERNAL, UNKNOWN and none at all would be defects. OK, INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED are answers. */
const ANSWERS = ['0', '3', '5', '8'];

let running: GrpcRunning;

beforeEach(async () => {
  running = await runGrpc({ model: MODEL, serving: { limits: { bodyBytes: 2 ** 20 } } });
  return async () => {
    const { message } = await clientOf(running.entryGrpc, INFERENCE).call('ModelInfer', {
      model_name: 'm',
      inputs: INPUTS,
      raw_input_contents: RAW,
    });
    expect(message.raw_output_contents).toEqual(RAW);
    expect(running.warnings).toEqual([]);
    expect(running.server.report().inFlight).toBeLessThanOrEqual(1);
  };
});

/** One to three places of the bytes changed, by the random numbers of fast-check. */
const mutated = fc
  .record({
    good: fc.constantFrom(...GOOD),
    changes: fc.array(
      fc.record({
        at: fc.nat(),
        kind: fc.constantFrom('set', 'cut', 'insert', 'double', 'remove'),
        byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x0b, 0x2a, 0x3a)),
        length: fc.nat(12),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ good, changes }) => {
    let bytes = Buffer.from(good);
    for (const { at, kind, byte, length } of changes) {
      const place = at % (bytes.length + 1);
      const [head, tail] = [bytes.subarray(0, place), bytes.subarray(place)];
      if (kind === 'set') bytes[place] = byte;
      else if (kind === 'cut') bytes = Buffer.from(head);
      else if (kind === 'insert') bytes = Buffer.concat([head, Buffer.alloc(length, byte), tail]);
      else if (kind === 'double') bytes = Buffer.concat([head, tail.subarray(0, length), tail]);
      else bytes = Buffer.concat([head, tail.subarray(length)]);
    }
    return bytes;
  });

test('10,000 mutated messages: each is answered or refused with a code', { timeout: 120_000 }, async () => {
  const session = connection(running.entryGrpc);
  const messages = fc.sample(mutated, { numRuns: 10_000, seed: SEED });
  const seen = new Map<string, number>();
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < messages.length; i = next++) {
      const body = messages[i] as Buffer;
      const { grpc = 'none', code, message } = await send(session, framed(body));
      const said = `${i}: ${body.toString('hex')} → ${grpc} ${code} ${message}`;
      expect(ANSWERS, said).toContain(grpc);
      if (grpc !== '0') expect(code, said).toMatch(/^[A-Z_]+$/);
      seen.set(grpc, (seen.get(grpc) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 64 }, worker));
  // Mutations that are all refused, or all harmless, would prove nothing.
  expect(seen.get('0')).toBeGreaterThan(300);
  expect(seen.get('3')).toBeGreaterThan(3_000);
});

test('mutated frames, cut anywhere, with any flags and lengths', async () => {
  const session = connection(running.entryGrpc);
  const random = randomOf(SEED);
  const seen = new Set<string>();
  for (let i = 0; i < 1_000; i++) {
    const good = random.pick(GOOD);
    const length = random.pick([good.length, random.below(2 ** 20 + 2), 2 ** 32 - 1 - random.below(9), 0]);
    const whole = frame(good, { flag: random.pick([0, 0, 0, 1, random.below(256)]), length });
    const body = random.next() < 0.3 ? whole.subarray(0, random.below(whole.length)) : whole;
    const encoding = random.pick(['identity', 'gzip', 'deflate']);
    const { grpc = 'none' } = await send(session, body, { 'grpc-encoding': encoding });
    expect(ANSWERS, body.toString('hex')).toContain(grpc);
    seen.add(grpc);
  }
  expect([...seen].sort()).toEqual(['0', '3', '8']);
});

test('mutated bytes of whole connections', { timeout: 120_000 }, async () => {
  const recorded = await recordConnection();
  const random = randomOf(SEED + 1);
  const port = Number(running.entryGrpc.split(':')[1]);
  for (let i = 0; i < 500; i++) {
    const bytes = Buffer.from(recorded);
    for (let times = 1 + random.below(4); times > 0; times--) bytes[random.below(bytes.length)] = random.below(256);
    await throwAt(port, bytes.subarray(0, random.next() < 0.2 ? random.below(bytes.length) : undefined));
  }
});

/** What a gRPC client sends for one call. */
async function recordConnection(): Promise<Buffer> {
  const { createServer } = await import('node:net');
  const chunks: Buffer[] = [];
  const port = Number(running.entryGrpc.split(':')[1]);
  const tap = createServer((socket) => {
    const onward = connect(port, '127.0.0.1');
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.pipe(onward).pipe(socket);
    socket.on('error', () => {});
    onward.on('error', () => {});
  });
  await new Promise<void>((resolve) => tap.listen(0, '127.0.0.1', resolve));
  const address = tap.address() as { port: number };
  await send(connection(`127.0.0.1:${address.port}`), framed(GOOD[0] as Buffer));
  tap.close();
  return Buffer.concat(chunks);
}

/** Sends bytes on a connection of their own, and waits a moment for what they do. */
function throwAt(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, '127.0.0.1', () => socket.end(bytes));
    socket.resume();
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    // A connection whose end the server still waits for is cut from here.
    setTimeout(() => socket.destroy(), 100);
  });
}

describe('floods', () => {
  test('a bomb is not inflated beyond the limit', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20));
    const session = connection(running.entryGrpc);
    const before = process.memoryUsage().rss;
    const calls = Array.from({ length: 50 }, () =>
      send(session, frame(bomb, { flag: 1 }), { 'grpc-encoding': 'gzip' }),
    );
    for (const answer of await Promise.all(calls)) {
      expect(answer).toMatchObject({ grpc: '8', code: 'BODY_TOO_LARGE' });
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20);
  });

  test('10,000 calls that are reset as they are made cost the caller its connection, and nobody else theirs', async () => {
    const session = connection(running.entryGrpc);
    let cut = false;
    session.on('close', () => {
      cut = true;
    });
    for (let i = 0; i < 10_000 && !cut; i++) {
      const headers = { ':method': 'POST', ':path': '/a/b', 'content-type': 'application/grpc' };
      const stream = session.request(headers);
      stream.on('error', () => {});
      stream.close(8);
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => cut, { timeout: 20_000 }).toBe(true);
  });

  test('of pings and settings', async () => {
    const port = Number(running.entryGrpc.split(':')[1]);
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const settings = Buffer.from('000000040000000000', 'hex');
    const ping = Buffer.from('0000080600000000000000000000000000', 'hex');
    for (const each of [settings, ping]) {
      const flood = Buffer.concat([preface, settings, ...new Array<Buffer>(50_000).fill(each)]);
      await throwAt(port, flood);
    }
  });

  test('messages that never end hold a bounded amount of memory, and leave room when they are gone', async () => {
    const session = connection(running.entryGrpc);
    const half = frame(Buffer.alloc(2 ** 20 - 100), { length: 2 ** 20 });
    const calls = Array.from({ length: 40 }, () => {
      const abort = new AbortController();
      const stream = session.request(
        {
          ':method': 'POST',
          ':path': '/inference.GRPCInferenceService/ModelInfer',
          'content-type': 'application/grpc',
        },
        { signal: abort.signal },
      );
      let code: unknown;
      stream.on('error', () => {});
      stream.on('response', (headers) => {
        code = headers['modelship-code'];
      });
      stream.write(half);
      return { abort, code: () => code };
    });
    const refused = () => calls.filter(({ code }) => code() === 'QUEUE_FULL').length;
    await expect.poll(refused, { timeout: 20_000 }).toBeGreaterThanOrEqual(24);
    for (const { abort } of calls) abort.abort();
    await expect.poll(() => running.server.report().inFlight, { timeout: 20_000 }).toBe(0);
    const calm = await send(connection(running.entryGrpc), framed(GOOD[0] as Buffer));
    expect(calm.grpc).toBe('0');
  });

  test('a message in DATA frames of one byte', async () => {
    const session = connection(running.entryGrpc);
    const message = serialize(rawDigits({ inputs: [], raw_input_contents: [] }));
    const stream = session.request({
      ':method': 'POST',
      ':path': '/inference.GRPCInferenceService/ModelInfer',
      'content-type': 'application/grpc',
    });
    let code: unknown;
    stream.on('response', (headers) => {
      code = headers['modelship-code'];
    });
    for (const byte of framed(message)) {
      stream.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    stream.end();
    await new Promise((resolve) => stream.on('close', resolve));
    expect(code).toBe('MISSING_INPUT');
  });
});

describe('frames', () => {
  test('are the same however they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 5_000 }), { maxLength: 5 }),
        fc.array(fc.nat(3_000)),
        (all, cuts) => {
          const bytes = Buffer.concat(all.map((message) => framed(Buffer.from(message))));
          const reader = new FrameReader(5_000);
          const got: Uint8Array[] = [];
          let at = 0;
          for (const cut of [...cuts, bytes.length]) {
            reader.push(bytes.subarray(at, at + cut));
            at = Math.min(bytes.length, at + cut);
            for (let next = reader.next(); next; next = reader.next()) got.push(new Uint8Array(next.message));
          }
          expect(got).toEqual(all);
          expect(reader.held).toBe(0);
        },
      ),
      { numRuns: 300, seed: SEED },
    );
  });

  test('byte by byte cost little more than their bytes', () => {
    const reader = new FrameReader(2 ** 21);
    const message = new Writer().bytes(1, Buffer.alloc(2 ** 20, 7)).finish();
    const before = process.memoryUsage().arrayBuffers;
    for (const byte of framed(message)) reader.push(Buffer.of(byte));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 2 ** 20);
    expect(reader.next()?.message.equals(message)).toBe(true);
  });
});
