/**
 * 50,000 requests, while pods are killed with -9, nodes are drained and the pods are replaced: none is lost. Where a
 * process is killed, what it was working on goes with its connections, and users send that once more: it is counted, and
 * allowed nowhere else.
 */
import { beforeAll, expect, it } from 'vitest';
import { Crowd, table } from '../harness/crowd.ts';
import { Digits } from '../harness/digits.ts';
import { killPod } from '../harness/kill.ts';
import { drained, HELD_BACK, nodeNames } from '../harness/nodes.ts';

const REQUESTS = 50_000;
const CALLERS = 4;
const SPLIT = { v1: 80, v2: 20 };
const UNNOTICED = { resent: 0, refused: 0, failed: 0 };

let digits: Digits;
let crowd: Crowd;

beforeAll(async () => {
  digits = await Digits.served('nothing-lost', SPLIT);
  await digits.stands(4);
  crowd = await Crowd.of(digits, { callers: CALLERS });
  return async () => {
    await crowd.stop();
    await digits[Symbol.asyncDispose]();
  };
});

/** Kills each pod of a version, one after the other. */
async function kill(version: string): Promise<void> {
  for (const { metadata } of await digits.pods(version)) {
    await killPod(digits.namespace, metadata.name);
    await digits.restarted(metadata.name);
  }
  await digits.stands(4);
}

it('the pods behind the door are killed with -9', async () => {
  const { failed, resent } = await crowd.during('door killed', () => kill('v1'));
  expect(failed).toBe(0);
  // Two deaths: each has at most what all callers asked for under way.
  expect(resent).toBeLessThanOrEqual(2 * CALLERS);
});

it('the pods of the canary are killed with -9, which its stable version answers for', async () => {
  expect(await crowd.during('canary killed', () => kill('v2'))).toMatchObject(UNNOTICED);
});

it('each node is drained, one pod of a version at a time', async () => {
  let said: string[] = [];
  for (const node of await nodeNames()) {
    const drain = async (): Promise<void> => {
      const there = (await digits.pods()).filter(({ spec }) => spec.nodeName === node);
      said = await drained(node);
      await digits.gone(there);
      await digits.stands(4);
    };
    expect(await crowd.during(`${node} drained`, drain)).toMatchObject(UNNOTICED);
  }
  // All of them were on the last one.
  expect(said.join('\n')).toContain(HELD_BACK);
});

it('the pods are replaced by an edit', async () => {
  const before = await digits.pods();
  const edit = async (): Promise<void> => {
    await digits.apply(SPLIT, { serving: { pod: { annotations: { 'example.com/release': '2' } } } });
    await digits.gone(before);
    await digits.stands(4);
  };
  expect(await crowd.during('edited', edit)).toMatchObject(UNNOTICED);
});

it(`of ${REQUESTS.toLocaleString('en')} requests none was lost`, { timeout: 600_000 }, async () => {
  await crowd.during('afterwards', () => crowd.answered(Math.max(1_000, REQUESTS - crowd.outcomes.length)));
  await crowd.stop();
  process.stderr.write(`${table(crowd.report())}\n`);
  expect(crowd.failures).toEqual([]);
  expect(crowd.outcomes.length).toBeGreaterThanOrEqual(REQUESTS);
});
