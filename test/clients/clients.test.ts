/** Clients that we did not write, against a runtime on real sockets. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { ask, run } from '../runtime/harness.ts';
import { clientsPython } from './venv.ts';

const exec = promisify(execFile);

const ROWS = Array.from({ length: 128 }, (_, at) => at % 17);

async function started() {
  return run({
    serving: { protocols: ['rest', 'grpc'] },
    launch: { entryGrpc: '127.0.0.1:0', directGrpc: '127.0.0.1:0' },
  });
}

async function python(script: string, ...args: string[]) {
  const { stdout } = await exec(await clientsPython(), [join(import.meta.dirname, script), ...args], {
    timeout: 100_000,
    // A proxy of the machine must not see what goes to loopback.
    env: { ...process.env, no_proxy: '*', NO_PROXY: '*' },
  });
  // biome-ignore lint/suspicious/noExplicitAny: the JSON of a Python script; each field is asserted by its test, and a type would claim what it is to find out
  return JSON.parse(stdout.trim().split('\n').at(-1) as string) as any;
}

/** What the JSON of the protocol says for the same rows. */
async function expected(entry: string) {
  const inputs = [{ name: 'image', shape: [2, 64], datatype: 'FP32', data: ROWS }];
  const { json } = await ask(`${entry}/v2/models/m/infer`, { inputs });
  const data = (name: string) => json.outputs.find((output: { name: string }) => output.name === name).data;
  return { label: data('label').map(Number), probabilities: data('probabilities') as number[] };
}

function agrees(answer: { label: number[]; probabilities: number[][] }, want: Awaited<ReturnType<typeof expected>>) {
  expect(answer.label).toEqual(want.label);
  const flat = answer.probabilities.flat();
  expect(flat).toHaveLength(20);
  for (const [at, value] of flat.entries()) expect(value).toBeCloseTo(want.probabilities[at] as number, 5);
}

describe('tritonclient over HTTP', () => {
  test('asks, infers in JSON and binary, compressed and not, and is refused with reasons', async () => {
    const { entry } = await started();
    const want = await expected(entry);
    const said = await python('triton_http.py', new URL(entry).host);
    expect(said).toMatchObject({ live: true, ready: true, modelReady: true, versionReady: true, otherReady: false });
    expect(said.server).toMatchObject({ name: 'modelship' });
    expect(said.server.extensions).toContain('binary_tensor_data');
    expect(said.metadata).toMatchObject({ name: 'm', inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, 64] }] });
    expect(said.config).toMatchObject({ name: 'm', input: [{ name: 'image', data_type: 'TYPE_FP32' }] });
    expect(said.index).toMatchObject([{ name: 'm', version: 'v1', state: 'READY' }]);
    for (const way of ['json', 'binary', 'binaryIn', 'binaryOut', 'pinned', 'gzip', 'deflate']) {
      agrees(said[way], want);
      expect(said[way].version).toBe('v1');
    }
    expect([said.json.id, said.binary.id]).toEqual(['seven', 'seven']);
    expect(said.unnamed).toEqual(want.label);
    expect(said.concurrent).toBe(64);
    expect(said.statistics.model_stats[0]).toMatchObject({ name: 'm', version: 'v1' });
    expect(said.statistics.model_stats[0].inference_count).toBeGreaterThan(64);
    expect(said.wrongShape.message).toMatch(/image.*\[1,3\]/);
    expect(said.wrongModel.status).toBe('404');
    expect(said.wrongVersion.message).toMatch(/v9/);
  });
});

describe('tritonclient over gRPC', () => {
  test('asks, infers, streams, and is refused with a status and a reason', async () => {
    const { entry, entryGrpc } = await started();
    const want = await expected(entry);
    const said = await python('triton_grpc.py', entryGrpc);
    expect(said).toMatchObject({ live: true, ready: true, modelReady: true, versionReady: true });
    expect(said.server).toMatchObject({ name: 'modelship' });
    expect(said.metadata).toMatchObject({
      name: 'm',
      inputs: [{ name: 'image', datatype: 'FP32', shape: ['-1', '64'] }],
    });
    expect(said.config.config).toMatchObject({ name: 'm' });
    expect(said.index.models).toMatchObject([{ name: 'm', version: 'v1', state: 'READY' }]);
    for (const way of ['raw', 'pinned', 'gzip', 'deadline']) {
      agrees(said[way], want);
      expect(said[way].version).toBe('v1');
    }
    expect(said.raw.id).toBe('seven');
    expect(said.stream.ids).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', 'after']);
    expect(said.stream.errors).toHaveLength(1);
    expect(said.stream.errors[0]).toMatch(/image.*\[1,3\]/);
    expect(Number(said.statistics.model_stats[0].inference_count)).toBeGreaterThan(8);
    expect(said.wrongShape.status).toBe('StatusCode.INVALID_ARGUMENT');
    expect(said.wrongShape.message).toMatch(/image.*\[1,3\]/);
    expect(said.wrongModel.status).toBe('StatusCode.NOT_FOUND');
    expect(said.wrongVersion.status).toBe('StatusCode.NOT_FOUND');
    expect(said.load.status).toBe('StatusCode.UNIMPLEMENTED');
  });
});

describe("kserve's client", () => {
  test('asks and infers over REST and gRPC', async () => {
    const { entry, entryGrpc } = await started();
    const want = await expected(entry);
    const said = await python('kserve_client.py', entry, entryGrpc);
    expect(said).toMatchObject({
      live: true,
      ready: true,
      modelReady: true,
      grpcLive: true,
      grpcReady: true,
      grpcModelReady: true,
    });
    for (const way of ['json', 'binary', 'grpcRaw', 'grpcTyped']) {
      agrees(said[way], want);
      expect(said[way].id).toBe('seven');
    }
  });
});

describe('curl', () => {
  const curl = async (...args: string[]) => (await exec('curl', ['-sS', '--noproxy', '*', ...args])).stdout;

  test("infers with its default content type, compressed, and through TensorFlow Serving's path", async () => {
    const { entry } = await run({ serving: { protocols: ['rest', 'tensorflow'] } });
    const want = await expected(entry);
    const body = JSON.stringify({ inputs: [{ name: 'image', shape: [2, 64], datatype: 'FP32', data: ROWS }] });
    const plain = JSON.parse(await curl('-d', body, `${entry}/v2/models/m/infer`));
    const small = JSON.parse(await curl('--compressed', '-d', body, `${entry}/v2/models/m/infer`));
    for (const answer of [plain, small]) {
      expect(answer.outputs[0]).toMatchObject({ name: 'label', data: want.label });
    }
    const instances = JSON.stringify({ instances: [ROWS.slice(0, 64), ROWS.slice(64)] });
    const { predictions } = JSON.parse(await curl('-d', instances, `${entry}/v1/models/m:predict`));
    expect(predictions.map((each: { label: number }) => each.label)).toEqual(want.label);
  });

  test('is told what was wrong, with the status as exit code under --fail', async () => {
    const { entry } = await run();
    const told = await curl('-d', '{"inputs":[]}', `${entry}/v2/models/m/infer`);
    expect(JSON.parse(told)).toMatchObject({ code: 'MISSING_INPUT' });
    await expect(curl('--fail', '-d', '{"inputs":[]}', `${entry}/v2/models/m/infer`)).rejects.toMatchObject({
      code: 22,
    });
  });
});
