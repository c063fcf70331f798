/** A replica whose processes were all dead for a moment and were started again. */
import { Agent } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { post } from '../child.ts';
import { DIGIT, INFER, isAlive, replica } from './replica.ts';

test('its head still waits for those that serve when it is told to end', async () => {
  const both = await replica({ cores: 2, processes: 2 });
  await both.logged('ready');
  for (const pid of both.pids()) process.kill(pid, 'SIGKILL');
  // The first of them was replaced at once, the second will be after a wait: meanwhile there is none.
  await expect.poll(() => both.pids().length, { interval: 5, timeout: 20_000 }).toBeGreaterThanOrEqual(3);
  // This test may have been kept from looking until the second was there, too.
  for (const pid of both.pids().slice(2)) process.kill(pid, 'SIGKILL');
  await expect.poll(() => both.metric('modelship_processes'), { timeout: 20_000 }).toBe(2);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  expect((await post(both.entry, INFER, DIGIT, agent)).status).toBe(200);
  both.process.kill('SIGTERM');
  expect((await both.exit).code).toBe(0);
  expect(both.pids().filter(isAlive)).toEqual([]);
});
