import { describe, expect, test } from 'vitest';
import { memberLaunch } from '../../../runtime/fleet/member-launch.ts';
import { firstProcesses, mayHaveSeveral, processesFor } from '../../../runtime/fleet/rule.ts';
import { launchWith, type ServingChanges, servingWith } from '../harness.ts';

const GIB = 2 ** 30;
const cores = (n: number, more: object = {}): ServingChanges => ({ execution: { cores: n, ...more } });

describe('processes of a replica', () => {
  const tiny = { placement: { on: 'main' }, fileBytes: 100_000, memoryBytes: 8 * GIB } as const;
  const heavy = { ...tiny, placement: { on: 'workers' } } as const;

  test.each([
    ['a tiny model on one core', cores(1), tiny, 1],
    ['a tiny model on two cores', cores(2), tiny, 2],
    ['a tiny model on four cores', cores(4), tiny, 4],
    ['a tiny model on sixteen cores: no more than was measured', cores(16), tiny, 4],
    ['a model for workers has its cores by threads', cores(4), heavy, 1],
    ['a process that does not say where it runs the model', cores(4), { ...tiny, placement: undefined }, 1],
    ['memory for two others only', cores(4), { ...tiny, memoryBytes: 1.2 * GIB }, 3],
    ['memory for no other', cores(4), { ...tiny, memoryBytes: 0.2 * GIB }, 1],
    ['a large file that is cheap to run', cores(4), { ...tiny, fileBytes: 2 * GIB }, 2],
    ['the number is stated', cores(1, { processes: 3 }), heavy, 3],
    ['one is stated', cores(8, { processes: 1 }), tiny, 1],
    ['workers are stated', cores(4, { workers: 2 }), tiny, 1],
    ['no workers are stated', cores(4, { workers: 0 }), tiny, 4],
    ['a GPU', { ...cores(4), session: { executionProviders: ['cuda', 'cpu'] } } satisfies ServingChanges, tiny, 1],
  ] as const)('%s', (_why, changes, found, processes) => {
    expect(processesFor(servingWith(changes as ServingChanges), found)).toBe(processes);
  });

  test.each([
    ['one core: nothing stands between', cores(1), false, 1],
    ['two cores: the first process measures', cores(2), true, 1],
    ['one process is stated', cores(8, { processes: 1 }), false, 1],
    ['three are stated: all start at once', cores(1, { processes: 3 }), true, 3],
    ['workers are stated', cores(4, { workers: 2 }), false, 1],
  ] as const)('a head: %s', (_why, changes, head, first) => {
    const serving = servingWith(changes as ServingChanges);
    expect([mayHaveSeveral({ serving, admin: '127.0.0.1:0' }), firstProcesses(serving)]).toEqual([head, first]);
  });
});

describe('the launch of a process', () => {
  const launch = launchWith({
    entryGrpc: '127.0.0.1:0',
    terminationLog: '/dev/termination-log',
    drainDelayMs: 5_000,
    serving: servingWith(cores(5)),
  });

  test('has no addresses, no termination log and no head of its own', () => {
    const member = memberLaunch(launch, 2);
    expect(member).toMatchObject({ entry: 'none', direct: 'none', admin: 'none', entryGrpc: 'none', drainDelayMs: 0 });
    expect([member.directGrpc, member.terminationLog]).toEqual([undefined, undefined]);
    expect(mayHaveSeveral(member)).toBe(false);
  });

  test('shares the cores, and runs the model where the first one does', () => {
    expect(memberLaunch(launch, 1).serving.execution).toEqual({ cores: 5, processes: 1 });
    expect(memberLaunch(launch, 2, { on: 'main' }).serving.execution).toEqual({ cores: 2, processes: 1, workers: 0 });
    expect(memberLaunch(launch, 8).serving.execution.cores).toBe(1);
  });

  test('has the golden requests until a process has answered them', () => {
    const golden = { uri: '/golden.json', tolerance: 0 };
    expect(memberLaunch({ ...launch, golden }, 2).golden).toEqual(golden);
    expect(memberLaunch({ ...launch, golden }, 2, { on: 'main' }, true)).not.toHaveProperty('golden');
  });
});
