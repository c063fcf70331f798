/** What `modelship rollout record` writes, by a clock of the test's own. */
import { expect, it } from 'vitest';
import type { AdminProcess } from '../../../cli/admin/processes.ts';
import { record } from '../../../cli/commands/rollout/record.ts';
import { report } from '../../operator/evidence/build.ts';

/** A process that takes so long to answer the first time, and then none. */
async function recorded(firstMs: number, whole: number): Promise<number[]> {
  let now = 1_000_000;
  const pace = {
    now: () => now,
    wait: async (ms: number) => {
      now += ms;
    },
  };
  let late = firstMs;
  const read = async () => {
    now += late;
    late = 0;
    return report();
  };
  const process: AdminProcess = { id: '1', name: 'v1 (pid 1)', version: 'v1', read };
  const lines: string[] = [];
  const flags = { for: whole, interval: 300 };
  const samples = await record(
    'digits',
    async () => [process],
    flags,
    (line) => lines.push(line),
    pace,
  );
  expect(samples).toBe(lines.length);
  return lines.map((line) => (JSON.parse(line) as { at: number }).at);
}

it('writes a sample each interval, and the last at the end', async () => {
  expect(await recorded(0, 700)).toEqual([300, 600, 700]);
});

it('counts its time from the first answer: it writes as many where that takes longer than all the rest', async () => {
  expect(await recorded(5_000, 700)).toEqual([300, 600, 700]);
});
