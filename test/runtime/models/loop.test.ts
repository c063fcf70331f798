/** The thread that serves stays free while a slow model runs, and a process that is to end never ends inside a run. */
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startWith } from '../child.ts';
import { ask, DIGITS, infer, run, servingWith, temporaryFolder } from '../harness.ts';
import { identity, writeModel } from '../onnx-builder.ts';
import { heavy, heavyRequest } from './samples.ts';

/** Of a model whose run takes some 600 ms on one core. */
const SIDE = 1_152;

test('a slow model is put in a worker, and health answers come before the end of runs that began first', async () => {
  const running = await run({ model: heavy(SIDE) });
  expect(running.server.own.loaded?.execution).toMatchObject({ place: 'workers', workers: 1 });
  const order: string[] = [];
  const runs = [1, 2, 3].map(() =>
    infer(running, heavyRequest(SIDE)).then(({ status }) => order.push(`run ${status}`)),
  );
  await expect.poll(() => running.server.own.loaded?.runner.pending, { timeout: 20_000, interval: 5 }).toBe(3);
  for (let i = 0; i < 20; i++) {
    const { status } = await ask(`${running.entry}/v2/health/live`);
    order.push(`live ${status}`);
  }
  await Promise.all(runs);
  expect(order.filter((what) => what === 'run 200')).toHaveLength(3);
  // On main a run, of some 600 ms, would keep all others from being answered: one answer between two runs at most.
  const meanwhile = order.slice(0, order.lastIndexOf('run 200')).filter((what) => what === 'live 200');
  expect(meanwhile.length).toBeGreaterThan(5);
});

test('a tiny one stays on main; the phases of the start are told', async () => {
  const running = await run({ launch: { uri: DIGITS }, serving: { batching: { maxBatchSize: 32 } } });
  const { own } = running.server;
  expect(own.loaded?.execution).toMatchObject({
    place: 'main',
    workers: 0,
    why: expect.stringMatching(/^a run of 32 /),
  });
  expect(Object.keys(own.phases)).toEqual(['fetch', 'verify', 'open', 'warmup', 'measure']);
  // Some 20 times as slow as a tiny one may be: a fast core must not make it one.
  const slow = await run({ model: heavy(512), serving: { execution: { cores: 2 } } });
  expect(Object.keys(slow.server.own.phases)).toEqual(['fetch', 'verify', 'open', 'warmup', 'measure', 'workers']);
});

test('without made-up requests nothing is measured: workers', async () => {
  const { server } = await run({ serving: { warmupRequests: 0 } });
  expect(server.own.loaded?.execution).toMatchObject({
    place: 'workers',
    why: expect.stringContaining('not be measured'),
  });
});

test('several workers share the requests', async () => {
  const running = await run({ model: identity('INT32'), serving: { execution: { workers: 3 } } });
  const answers = Array.from({ length: 40 }, (_, i) =>
    infer(running, { inputs: [{ name: 'x', datatype: 'INT32', shape: [1], data: [i] }] }),
  );
  const values = (await Promise.all(answers)).map(({ json }) => json.outputs[0].data[0]);
  expect(values).toEqual(Array.from({ length: 40 }, (_, i) => i));
});

test.runIf(process.platform === 'linux')('workers stand behind the thread that serves', async () => {
  /** Nice of each thread of this process. */
  const nice = async () => {
    const stats = (await readdir('/proc/self/task')).map((id) => readFile(`/proc/self/task/${id}/stat`, 'utf8'));
    const lines = (await Promise.allSettled(stats)).flatMap((stat) => ('value' in stat ? [stat.value] : []));
    return lines.map((line) => Number(line.slice(line.lastIndexOf(')')).split(' ')[17]));
  };
  const own = getPriority();
  const before = (await nice()).filter((of) => of === own + 5).length;
  const running = await run({ serving: { execution: { workers: 2 } } });
  expect((await nice()).filter((of) => of === own + 5).length).toBe(before + 2);
  expect(getPriority()).toBe(own);
  expect(running.server.own.ready).toBe(true);
});

describe('SIGTERM while a process starts', () => {
  const serving = servingWith({ execution: { workers: 2 }, warmupRequests: 50 });

  test('in the middle of a run in a worker: exit 0, no abort', async () => {
    const uri = await writeModel(await temporaryFolder(), heavy(512, 12));
    const child = startWith({ uri, serving });
    const { admin } = await child.logged('listening');
    // Then it is in the warm-up: 50 runs, one after another.
    const phases = async () => (await ask(`http://127.0.0.1:${admin}/modelship/report`)).json.load.phases;
    await expect.poll(phases, { timeout: 20_000 }).toHaveProperty('open');
    child.process.kill('SIGTERM');
    expect(await child.exit).toEqual({ code: 0, signal: null, stderr: '' });
  });

  test('while it waits for a download: at once', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    onTestFinished(() => {
      silent.closeAllConnections();
      silent.close();
    });
    await once(silent, 'listening');
    const folder = await temporaryFolder();
    const uri = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/model.onnx`;
    const child = startWith({ uri, terminationLog: join(folder, 'log') });
    await once(silent, 'request');
    child.process.kill('SIGTERM');
    expect(await child.exit).toEqual({ code: 0, signal: null, stderr: '' });
  });
});
