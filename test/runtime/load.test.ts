import { createHash } from 'node:crypto';
import { chmod, readFile, truncate, writeFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { LoadErrorCode } from '../../runtime/errors.ts';
import { ask, DIGITS, infer, type RunOptions, run, temporaryFolder } from './harness.ts';
import { type Dim, identity, onnx, writeModel } from './onnx-builder.ts';
import { randomOf } from './random.ts';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Starts with what can't be loaded. @returns the failure, after checking that the process can still say what it is */
async function failure(options: RunOptions): Promise<{ code: LoadErrorCode; message: string }> {
  const running = await run({ ...options, load: false });
  const error = await running.server.load().then(
    () => expect.unreachable('it was loaded'),
    (thrown) => thrown,
  );
  const report = (await ask(`${running.admin}/modelship/report`)).json;
  expect(report).toMatchObject({ ready: false, load: { state: 'Failed', failure: { code: error.code } } });
  expect((await infer(running, {})).status).toBe(503);
  return error;
}

describe('sources', () => {
  test('a relative path, an absolute path and a file URI', async () => {
    const path = await writeModel(await temporaryFolder(), identity('FP32'), 'a model.onnx');
    for (const uri of [relative(process.cwd(), path), path, pathToFileURL(path).href]) {
      const { server } = await run({ launch: { uri } });
      expect(server.own.digest).toBe(sha256(identity('FP32')));
      expect(server.own.state).toBe('Loaded');
    }
  });

  test('the digest that was asked for', async () => {
    const model = identity('FP32');
    const { server } = await run({ model, launch: { sha256: sha256(model) } });
    expect(server.own.ready).toBe(true);
  });

  test.each([
    ['s3://bucket/key', 'MODEL_URI_UNSUPPORTED', 's3://'],
    ['ftp://host/model.onnx', 'MODEL_URI_UNSUPPORTED', 'ftp://'],
    ['file://host/model.onnx', 'MODEL_URI_UNSUPPORTED', 'three slashes'],
    ['/no/such/model.onnx', 'MODEL_NOT_THERE', '/no/such/model.onnx'],
    ['no/such/model.onnx', 'MODEL_NOT_THERE', process.cwd()],
    ['examples', 'MODEL_NOT_THERE', 'not a file'],
    [`${DIGITS}/more`, 'MODEL_NOT_THERE', 'no file'],
  ] as const)('%s', async (uri, code, says) => {
    const { code: got, message } = await failure({ launch: { uri } });
    expect([got, message]).toEqual([code, expect.stringContaining(says)]);
  });

  test('another digest: both are named, and nothing is opened', async () => {
    const model = Buffer.from('not a model at all');
    const { code, message } = await failure({ model, launch: { sha256: '0'.repeat(64) } });
    expect(code).toBe('MODEL_DIGEST_MISMATCH');
    expect(message).toContain(sha256(model));
    expect(message).toContain('0'.repeat(64));
  });

  test('a file that may not be read', async () => {
    const folder = await temporaryFolder();
    const path = await writeModel(folder, identity('FP32'));
    await chmod(path, 0);
    // Root may read everything, so root becomes nobody for a moment.
    const root = process.geteuid?.() === 0;
    if (root) await chmod(folder, 0o755);
    if (root) process.seteuid?.(65_534);
    const { code } = await failure({ launch: { uri: path } }).finally(() => root && process.seteuid?.(0));
    expect(code).toBe('MODEL_FORBIDDEN');
  });
});

const x = { name: 'x', element: 'FP32', shape: ['n'] } as const;
const y = { name: 'y', element: 'FP32', shape: ['n'] } as const;

describe('models that can not be served', () => {
  test.each<[string, Buffer, LoadErrorCode, string]>([
    ['an empty file', Buffer.alloc(0), 'MODEL_CORRUPT', 'ONNX'],
    ['a page of text', Buffer.from('<html>not found</html>'.repeat(50)), 'MODEL_CORRUPT', 'Protobuf'],
    [
      'an operator that nobody knows',
      onnx({ inputs: [x], outputs: [y], nodes: [{ op: 'Frobnicate', inputs: ['x'], outputs: ['y'] }] }),
      'MODEL_UNSUPPORTED',
      'Frobnicate',
    ],
    [
      'an operator of a domain that nobody knows',
      onnx({ inputs: [x], outputs: [y], nodes: [{ op: 'Foo', domain: 'com.acme', inputs: ['x'], outputs: ['y'] }] }),
      'MODEL_UNSUPPORTED',
      'com.acme',
    ],
    [
      'an opset of the future',
      onnx({ inputs: [x], outputs: [y], nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }], opset: 999 }),
      'MODEL_UNSUPPORTED',
      '999',
    ],
    [
      'a format of the future',
      onnx({ inputs: [x], outputs: [y], nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }], irVersion: 99 }),
      'MODEL_UNSUPPORTED',
      '99',
    ],
    [
      'a sequence as output, as ZipMap gives',
      onnx({
        inputs: [x],
        outputs: [{ ...y, sequence: true }],
        nodes: [{ op: 'SequenceConstruct', inputs: ['x'], outputs: ['y'] }],
      }),
      'MODEL_UNSUPPORTED',
      'zipmap=False',
    ],
    ['bfloat16', identity('BF16'), 'MODEL_UNSUPPORTED', '16'],
    [
      'a graph that hangs in the air',
      onnx({ inputs: [x], outputs: [y], nodes: [{ op: 'Identity', inputs: ['gone'], outputs: ['y'] }] }),
      'MODEL_CORRUPT',
      'gone',
    ],
  ])('%s', async (_why, model, code, says) => {
    const { code: got, message } = await failure({ model });
    expect([got, message]).toEqual([code, expect.stringContaining(says)]);
  });

  test('an execution provider that is not there', async () => {
    const options: RunOptions = { serving: { session: { executionProviders: ['cuda'] } } };
    const { code, message } = await failure(options);
    expect(code).toBe('PROVIDER_MISSING');
    expect(message).toContain("'cuda'");
  });

  test('with cpu after it, it is a warning', async () => {
    const running = await run({
      model: identity('FP32'),
      serving: { session: { executionProviders: ['tensorrt', 'cuda', 'cpu'] } },
    });
    expect(running.server.own.ready).toBe(true);
    expect(running.warnings.join()).toMatch(/'tensorrt' is not available.*'cuda' is not available/s);
  });
});

describe('damaged files', () => {
  test('cut off anywhere: refused with a code', async () => {
    const good = await readFile(DIGITS);
    const folder = await temporaryFolder();
    for (const part of [0.1, 0.5, 0.9, 0.999]) {
      const path = await writeModel(folder, good, `${part}.onnx`);
      await truncate(path, Math.floor(good.length * part));
      expect(await failure({ launch: { uri: path } })).toMatchObject({ code: 'MODEL_CORRUPT' });
    }
  });

  test('with random bytes: served, or refused with a code; the process goes on', async () => {
    const good = await readFile(DIGITS);
    const random = randomOf(20261121);
    const path = await writeModel(await temporaryFolder(), good);
    const codes = new Set<string>();
    for (let i = 0; i < 150; i++) {
      const damaged = Buffer.from(good);
      for (let flips = 1 + random.below(4); flips > 0; flips--)
        damaged[random.below(damaged.length)] = random.below(256);
      await writeFile(path, damaged);
      const { server } = await run({ launch: { uri: path }, load: false });
      await server.load().then(
        () => codes.add('loaded'),
        (error) => codes.add(error.code),
      );
      await server.close(0);
    }
    expect([...codes].sort()).toEqual(['MODEL_CORRUPT', 'MODEL_UNSUPPORTED', 'loaded']);
  });
});

/** Takes the value after the last one of x, so every run fails. */
const failing = (shape: readonly Dim[]) =>
  onnx({
    inputs: [{ name: 'x', element: 'INT64', shape }],
    outputs: [{ name: 'y', element: 'INT64', shape: [] }],
    nodes: [
      { op: 'Size', inputs: ['x'], outputs: ['end'] },
      { op: 'Gather', inputs: ['x', 'end'], outputs: ['y'] },
    ],
  });

describe('warm-up', () => {
  test('a made-up request of fixed shapes that fails is the model failing', async () => {
    const { code, message } = await failure({ model: failing([1]) });
    expect([code, message]).toEqual(['WARMUP_FAILED', expect.stringContaining('made-up')]);
  });

  test('with open shapes it proves nothing: a warning', async () => {
    const running = await run({ model: failing(['n']) });
    expect(running.server.own.ready).toBe(true);
    expect(running.warnings.join()).toContain('going on unwarmed');
  });

  test('a request that fails inside the model is a coded 500, and the next one is answered', async () => {
    const model = onnx({
      inputs: [{ name: 'x', element: 'INT64', shape: ['n'] }],
      outputs: [{ name: 'y', element: 'INT64', shape: ['m'] }],
      nodes: [
        { op: 'Shape', inputs: ['x'], outputs: ['s'] },
        { op: 'Add', inputs: ['s', 's'], outputs: ['twice'] },
        { op: 'Reshape', inputs: ['x', 'twice'], outputs: ['y'] },
      ],
    });
    const running = await run({ model });
    for (let i = 0; i < 2; i++) {
      const reply = await infer(running, { inputs: [{ name: 'x', datatype: 'INT64', shape: [1], data: [1] }] });
      expect(reply.json).toEqual({ code: 'INFERENCE_FAILED', error: expect.stringContaining('Reshape') });
      expect(reply.status).toBe(500);
    }
  });

  test('a shape too large to make up is not made up', async () => {
    const running = await run({ model: identity('FP32', ['n', 2 ** 40]) });
    expect(running.warnings.join()).toContain('going on unwarmed');
  });
});
