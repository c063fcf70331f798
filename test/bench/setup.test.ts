/** What a run is made of: flags, peers, processes, costs of pairs. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PEER_NAMES, PEERS, requirementsOf } from '../../bench/peers/catalogue.ts';
import { folderName } from '../../bench/peers/venv.ts';
import { BASE } from '../../bench/serving/contenders.ts';
import { readFlags } from '../../bench/serving/flags.ts';
import { sideFor } from '../../bench/serving/live.ts';
import { MODELS, POOL_SIZE } from '../../bench/serving/models/catalogue.ts';
import { makePool, merged } from '../../bench/serving/models/pool.ts';
import { placementOf } from '../../bench/serving/processes.ts';
import { costOf } from '../../bench/serving/split.ts';
import { float32 } from '../../bench/serving/tensors.ts';
import { cpuSecondsOf, memoryOf, parseStat, treeOf } from '../../bench/serving/usage.ts';

describe('flags', () => {
  it('without any: digits at 16, no peers', () => {
    expect(readFlags([])).toMatchObject({
      models: ['digits'],
      concurrency: [16],
      peers: false,
      rounds: 5,
      seconds: 1.5,
    });
  });

  it('--full is everything, at what suits each model', () => {
    const flags = readFlags(['--full']);
    expect(flags).toMatchObject({ models: ['digits', 'trees', 'image', 'text'], peers: true, seconds: 3 });
    expect(flags.concurrency).toBeUndefined();
  });

  it.each([
    ['a model that is not there', ['--models', 'cats'], '--models'],
    ['a half request in flight', ['--concurrency', '1.5'], '--concurrency'],
    ['no rounds', ['--rounds', '0'], '--rounds'],
    ['empty seconds', ['--seconds', ''], '--seconds'],
    ['another format', ['--output', 'xml'], '--output'],
    ['an unknown flag', ['--fast'], '--fast'],
  ])('%s is refused by name', (_, args, named) => {
    expect(() => readFlags(args)).toThrow(RangeError);
    expect(() => readFlags(args)).toThrow(named);
  });
});

describe('contenders', () => {
  it('have names of their own', () => {
    const ids = [...BASE, ...PEERS].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(PEER_NAMES)('%s is pinned to the last package', (name) => {
    const lines = readFileSync(requirementsOf(name), 'utf8')
      .split('\n')
      .filter((line) => line && !line.startsWith('#'));
    expect(lines.length).toBeGreaterThan(10);
    expect(lines.filter((line) => !/^[\w.-]+==[\w.+]+$/.test(line))).toEqual([]);
    expect(lines).toContain('onnxruntime==1.30.0');
  });

  it('other pins or another Python make another environment', () => {
    const names = [folderName('a', 'python', 'x==1'), folderName('a', 'python', 'x==2'), folderName('a', 'py', 'x==1')];
    expect(new Set(names).size).toBe(3);
  });
});

describe('placement', () => {
  it('sets servers and load generator apart on halves of the cores, or together on all', () => {
    expect(placementOf('together', 4)).toEqual({ server: undefined, generator: undefined, serverCores: 4 });
    expect(placementOf('apart', 1)).toEqual({ server: undefined, generator: undefined, serverCores: 1 });
  });
});

const STAT = '42 (a (b) c) S 7 40 41 0 -1 4194304 100 0 0 0 150 50 20 10 20 0 1 0 100 0 0';

describe('usage', () => {
  it('reads a line of /proc, whatever the program is called', () => {
    expect(parseStat(STAT)).toEqual({ pid: 42, parent: 7, session: 41, cpuSeconds: 2.3 });
  });

  it('a tree is descendants and whoever shares the session', () => {
    const stat = (pid: number, parent: number, session: number) => ({ pid, parent, session, cpuSeconds: 0 });
    const stats = [stat(5, 3, 5), stat(3, 2, 2), stat(2, 1, 2), stat(9, 1, 2), stat(10, 9, 10), stat(11, 1, 11)];
    expect(
      treeOf(stats, 2)
        .map(({ pid }) => pid)
        .toSorted((a, b) => a - b),
    ).toEqual([2, 3, 5, 9, 10]);
  });

  it.runIf(process.platform === 'linux')('knows what this process has used', () => {
    expect(cpuSecondsOf(process.pid)).toBeGreaterThan(0);
    expect(memoryOf(process.pid)).toBeGreaterThan(2 ** 20);
  });
});

describe('what is asked', () => {
  it('digits: different inputs, and onnxruntime’s own answers to them', async () => {
    const pool = await makePool(MODELS.digits, () => {});
    expect(pool.inputs).toHaveLength(POOL_SIZE);
    expect(new Set(pool.inputs.map((inputs) => String(inputs[0]?.data))).size).toBe(POOL_SIZE);
    for (const expected of pool.expected) {
      expect(expected).toHaveLength(10);
      expect(expected.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1);
    }
  });

  it.each(['image', 'text'] as const)('%s: the same inputs on every run', (id) => {
    const [one, other] = [MODELS[id].inputs(''), MODELS[id].inputs('')];
    expect(one).toHaveLength(POOL_SIZE);
    expect(one[3]).toEqual(other[3]);
    expect(one[3]).not.toEqual(one[4]);
  });

  it('rows are merged one under the other', () => {
    const rows = [[float32('x', [1, 2], [1, 2])], [float32('x', [1, 2], [3, 4])]];
    expect(merged(rows)).toEqual([float32('x', [2, 2], [1, 2, 3, 4])]);
  });
});

describe('special runs', () => {
  it('the extra cost of the split is that of pairs, not of their means', () => {
    const cost = costOf(
      [
        [100, 101],
        [200, 204],
        [50, 50.5],
      ],
      1,
    );
    expect(cost.median).toBeCloseTo(0.01);
    expect(cost.bound).toBeGreaterThanOrEqual(cost.median);
    expect(cost.bound).toBeLessThanOrEqual(0.0201);
  });

  it('finds the size of a slow model by the cube of its side', async () => {
    const { side, runMs } = await sideFor(200, async (size) => (size / 256) ** 3 * 10);
    expect(runMs).toBeCloseTo(200, -1);
    expect(side).toBeGreaterThan(256);
  });
});
