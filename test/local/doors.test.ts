/** Both public doors of a run move from version to version, and no caller notices. Real runtimes, real clients. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LocalRun, runLocal } from '../../local/run.ts';
import { clientOf, INFERENCE, rawDigits } from '../runtime/grpc/support.ts';
import { manifest } from './build.ts';

const MODELS = resolve(import.meta.dirname, '../../examples/digits/models');
const BODY = JSON.stringify({
  inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64], data: new Array(64).fill(1) }],
});

let folder: string;
let started: LocalRun | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'modelship-test-'));
});
afterEach(async () => {
  await started?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A file that gives all to one of two versions. */
function write(all: 'v1' | 'v2', serving: object = {}): string {
  const file = join(folder, 'digits.yaml');
  const text = manifest({ v1: all === 'v1' ? 100 : 0, v2: all === 'v2' ? 100 : 0 }, { serving });
  writeFileSync(
    file,
    text.replaceAll(/models\/v(\d)\.onnx/g, (_, n: string) => `${MODELS}/${n}/model.onnx`),
  );
  return file;
}

function post(url: string, agent: Agent): Promise<string> {
  return new Promise((done) => {
    const sent = request(`${url}/v2/models/digits/infer`, { method: 'POST', agent }, (response) => {
      response.resume();
      response.on('end', () => done(`${response.statusCode} ${response.headers['modelship-version']}`));
    });
    sent.on('error', (error) => done(String(error)));
    sent.end(BODY);
  });
}

test.each([
  ['one process each', {}],
  ['two processes each', { execution: { processes: 2 } }],
])(
  'HTTP and gRPC, %s: the door moves, and back',
  async (_how, serving) => {
    const file = write('v1', serving);
    started = await runLocal({ files: [file], host: '127.0.0.1', port: 0, volumes: {} });
    await started.ready;
    const { url, grpc } = started.deployments[0] as { url: string; grpc: string };
    expect(started.snapshot().deployments[0]?.grpc).toBe(grpc);
    let stopped = false;
    const heard = { http: [] as string[], grpc: [] as string[] };
    const http = async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      while (!stopped) heard.http.push(await post(url, agent));
      agent.destroy();
    };
    const over = async () => {
      const client = clientOf(grpc, INFERENCE);
      while (!stopped) {
        const answer = await client.call('ModelInfer', rawDigits({ model_name: 'digits' })).catch(String);
        heard.grpc.push(typeof answer === 'string' ? answer : `200 ${answer.message.model_version}`);
      }
    };
    const clients = [http(), http(), over(), over()];
    const entry = () => started?.snapshot().deployments[0]?.versions.find((version) => version.entry)?.name;
    const moved = async (to: 'v1' | 'v2') => {
      await expect.poll(entry, { timeout: 20_000 }).toBe(to);
      for (const list of Object.values(heard)) {
        const from = list.length;
        const settled = () => list.length >= from + 40 && list.slice(-20).every((each) => each.endsWith(` ${to}`));
        await expect.poll(settled, { timeout: 20_000 }).toBe(true);
      }
    };
    await moved('v1');
    for (const to of ['v2', 'v1'] as const) {
      write(to, serving);
      await moved(to);
    }
    stopped = true;
    await Promise.all(clients);
    for (const list of Object.values(heard)) {
      expect([...new Set(list)].sort()).toEqual(['200 v1', '200 v2']);
    }
  },
  90_000,
);
