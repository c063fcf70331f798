import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { GpuMonitor, parseGpus } from '../../../runtime/models/gpu.ts';
import { OwnVersion } from '../../../runtime/own-version.ts';
import { registerExecution } from '../../../runtime/plugins/execution-metrics.ts';
import { FakeClock } from '../fake-clock.ts';
import { ask, run, temporaryFolder } from '../harness.ts';

const MIB = 2 ** 20;
const ONE = '0, GPU-5f6a1c2e-0001, 37, 1024, 15360\n';

describe('what the driver says', () => {
  test.each([
    ['one GPU', ONE, [['0', 'GPU-5f6a1c2e-0001', 0.37, 1024 * MIB, 15360 * MIB]]],
    ['two', `${ONE}1, GPU-b, 0, 3, 15360\n`, [expect.anything(), ['1', 'GPU-b', 0, 3 * MIB, 15360 * MIB]]],
    ['a slice, which tells no load', '0, GPU-a, [N/A], 10, 100\n', [['0', 'GPU-a', undefined, 10 * MIB, 100 * MIB]]],
  ])('%s', (_what, text, readings) => {
    const rows = parseGpus(text)?.map((gpu) => Object.values(gpu));
    expect(rows).toEqual(readings.map((row) => (Array.isArray(row) ? row.map((v) => near(v)) : row)));
  });

  test.each([
    ['nothing', ''],
    ['prose', 'NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.'],
    ['a table for people', '+-----+\n| GPU |\n'],
    ['too few columns', '0, GPU-a, 37\n'],
    ['too many', '0, GPU-a, 37, 1, 2, 3\n'],
    ['a label that is none', '0, "x} 1\\n", 37, 1, 2\n'],
  ])('%s is not taken for an answer', (_what, text) => {
    expect(parseGpus(text)).toBeUndefined();
  });

  test('a flood makes no flood of series', () => {
    const lines = Array.from({ length: 500 }, (_, i) => `${i}, GPU-${i}, 1, 1, 1`).join('\n');
    expect(parseGpus(lines)).toHaveLength(64);
  });
});

const near = (value: unknown) => (typeof value === 'number' ? expect.closeTo(value) : value);

/** Puts a shell script called nvidia-smi on the PATH; without one there is none. @returns its calls so far */
async function driver(script?: string): Promise<() => Promise<string[]>> {
  const folder = await temporaryFolder();
  const log = join(folder, 'calls');
  await writeFile(log, '');
  if (script !== undefined) {
    const path = join(folder, 'nvidia-smi');
    await writeFile(path, `#!/bin/sh\necho "$@" >>'${log}'\n${script}\n`);
    await chmod(path, 0o755);
  }
  vi.stubEnv('PATH', script === undefined ? folder : `${folder}:/usr/bin:/bin`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return async () => (await readFile(log, 'utf8')).split('\n').filter((line) => line !== '');
}

function monitor(limitMs = 20_000) {
  const clock = new FakeClock();
  const warnings: string[] = [];
  return { clock, warnings, gpus: new GpuMonitor({ clock, limitMs, warn: (message) => void warnings.push(message) }) };
}

describe('the monitor', () => {
  test('asks once in 10 s, however often it is asked', async () => {
    const calls = await driver(`printf '${ONE}'`);
    const { clock, gpus, warnings } = monitor();
    const readings = await Promise.all([gpus.read(), gpus.read(), gpus.read()]);
    expect(readings.map(([gpu]) => gpu?.uuid)).toEqual(new Array(3).fill('GPU-5f6a1c2e-0001'));
    clock.advance(9_999);
    await gpus.read();
    expect(await calls()).toEqual([
      '--query-gpu=index,uuid,utilization.gpu,memory.used,memory.total --format=csv,noheader,nounits',
    ]);
    clock.advance(1);
    await gpus.read();
    expect(await calls()).toHaveLength(2);
    expect(warnings).toEqual([]);
  });

  test.each([
    ['is not there', undefined, /ENOENT/],
    ['fails', 'echo no driver >&2; exit 9', /Command failed/],
    ['answers something else', 'echo hello', /something else/],
    ['never ends', 'exec sleep 60', /more than 100 ms/],
    ['never stops talking', 'exec yes', /maxBuffer/],
  ])('an nvidia-smi that %s: no reading, one warning', async (what, script, why) => {
    await driver(script);
    const { clock, gpus, warnings } = monitor(what === 'never ends' ? 100 : 20_000);
    expect(await gpus.read()).toEqual([]);
    clock.advance(10_000);
    expect(await gpus.read()).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(why)]);
  });
});

/** Metrics of a version that these providers run. */
async function metricsWith(providers: ('cpu' | 'cuda')[]): Promise<string> {
  const registry = new Registry();
  const never = () => expect.unreachable();
  const observer = { ran: never, failed: never, unforeseen: never };
  const clock = new FakeClock();
  const own = new OwnVersion({ model: 'm', version: 'v1', observer, clock, coded: never });
  const loaded = (await run()).server.own.loaded;
  if (!loaded) throw new Error('the harness loaded nothing');
  own.serve({ ...loaded, execution: { ...loaded.execution, providers, device: 1 } });
  registerExecution(registry, { own, clock, warn: never });
  return registry.metrics();
}

describe('metrics', () => {
  test('of a GPU that runs the model', async () => {
    await driver(`printf '0, GPU-a, 37, 1024, 15360\\n1, GPU-b, [N/A], 5, 100\\n'`);
    const text = await metricsWith(['cuda', 'cpu']);
    expect(text).toContain('modelship_gpu_utilization_ratio{gpu="0",uuid="GPU-a"} 0.37\n');
    expect(text).not.toContain('modelship_gpu_utilization_ratio{gpu="1"');
    expect(text).toContain(`modelship_gpu_memory_used_bytes{gpu="1",uuid="GPU-b"} ${5 * MIB}\n`);
    expect(text).toContain(`modelship_gpu_memory_total_bytes{gpu="0",uuid="GPU-a"} ${15360 * MIB}\n`);
    expect(text).toMatch(/modelship_execution_info\{place="main",providers="cuda,cpu",threads="1",device="1",.*\} 1/);
  });

  test('none where a CPU runs it: the driver is not asked', async () => {
    const calls = await driver(`printf '${ONE}'`);
    const text = await metricsWith(['cpu']);
    expect(text).not.toMatch(/^modelship_gpu/m);
    expect(text).toMatch(/providers="cpu",threads="1",device=""/);
    expect(await calls()).toEqual([]);
  });

  test('of where the model runs, in a process that serves', async () => {
    const running = await run({ serving: { execution: { workers: 2 } } });
    const { text } = await ask(`${running.admin}/metrics`);
    expect(text).toMatch(/modelship_execution_info\{place="workers",providers="cpu",.*optimized="off"\} 1/);
    expect(text).toMatch(/^modelship_execution_workers 2$/m);
  });
});
