/** What users notice when processes die or the split changes: as little as can be. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { failed, Load, type Outcome, shares, wrongLabels } from './load.ts';
import { Modelship } from './modelship.ts';

let modelship: Modelship | undefined;
let load: Load | undefined;

afterEach(async () => {
  await load?.stop();
  await modelship?.stop();
  load = modelship = undefined;
});

const describeFailures = (outcomes: Outcome[]) =>
  outcomes.map(({ status, error, version }) => ({ status, error, version }));

describe('a killed process', () => {
  it('of the canary costs users nothing and is counted against the canary', async () => {
    modelship = await Modelship.start({ v1: 70, v2: 30 });
    load = new Load(modelship.url);
    await sleep(1_000);
    expect(modelship.version('v2')?.errors).toBe(0);
    modelship.kill('v2');
    await modelship.until('v2 is shown with its cause', () => modelship?.version('v2')?.cause !== undefined);
    await modelship.until('v2 is back', () => modelship?.version('v2')?.phase === 'Ready');
    const back = performance.now();
    await sleep(3_000);
    const outcomes = await load.stop();
    expect(describeFailures(failed(outcomes))).toEqual([]);
    expect(wrongLabels(outcomes)).toEqual([]);
    expect(modelship.version('v2')?.errors).toBeGreaterThan(0);
    expect(modelship.version('v2')?.shielded).toBeGreaterThan(0);
    expect(modelship.version('v1')?.errors).toBe(0);
    // It came back to its share: the circuit closed again.
    expect(shares(outcomes.filter((o) => o.sentAt > back + 2_000)).v2).toBeGreaterThan(20);
  });

  it('of the primary costs what was in flight in it, and service is back within a second', async () => {
    const callers = 8;
    modelship = await Modelship.start({ v1: 70, v2: 30 });
    load = new Load(modelship.url, { callers });
    await sleep(1_000);
    expect(modelship.version('v1')?.entry).toBe(true);
    const killedAt = performance.now();
    modelship.kill('v1');
    await sleep(4_000);
    const outcomes = await load.stop();
    const lost = failed(outcomes);
    expect(lost.length).toBeLessThanOrEqual(callers);
    for (const { sentAt } of lost) expect(sentAt).toBeLessThan(killedAt + 50);
    const firstBack = outcomes.find((o) => o.status === 200 && o.sentAt > killedAt);
    expect((firstBack?.doneAt ?? Number.POSITIVE_INFINITY) - killedAt).toBeLessThan(1_000);
    expect(wrongLabels(outcomes)).toEqual([]);
  });
});

describe('an edit of the file', () => {
  it('from 90/10 to 0/100 under load fails no request, and the share follows within 2 s', async () => {
    modelship = await Modelship.start({ v1: 90, v2: 10 });
    load = new Load(modelship.url);
    await sleep(1_000);
    const editedAt = performance.now();
    modelship.edit({ v1: 0, v2: 100 });
    await sleep(4_000);
    const outcomes = await load.stop();
    expect(describeFailures(failed(outcomes))).toEqual([]);
    expect(wrongLabels(outcomes)).toEqual([]);
    expect(shares(outcomes.filter((o) => o.sentAt > editedAt + 2_000))).toEqual({ v2: 100 });
  });

  it('to a new version and without the old one fails no request, and the old process goes', async () => {
    modelship = await Modelship.start({ v1: 90, v2: 10 }, { retireAfter: '1s' });
    const old = modelship.version('v1')?.pid as number;
    load = new Load(modelship.url);
    await sleep(500);
    modelship.edit({ v2: 40, v3: 60 }, { retireAfter: '1s' });
    await modelship.until('v3 has its share', () => modelship?.version('v3')?.observed !== undefined);
    await modelship.until('v1 is gone', () => modelship?.version('v1') === undefined);
    await sleep(1_000);
    const outcomes = await load.stop();
    expect(describeFailures(failed(outcomes))).toEqual([]);
    expect(wrongLabels(outcomes)).toEqual([]);
    expect(() => process.kill(old, 0)).toThrow();
    expect(outcomes.at(-1)?.version).toMatch(/^v[23]$/);
  });

  it('that is wrong is refused with its place, and the old split goes on', async () => {
    modelship = await Modelship.start({ v1: 90, v2: 10 });
    load = new Load(modelship.url, { callers: 2 });
    modelship.editText((text) => text.replace('traffic: 90', 'trafic: 90'));
    await modelship.until('the edit is refused', () => modelship?.said(/did you mean \W*traffic/) ?? false);
    const outcomes = await load.stop();
    expect(failed(outcomes)).toEqual([]);
    expect(modelship.version('v1')?.wanted).toBe(90);
  });
});

describe('the end', () => {
  it('Ctrl-C under load finishes what is in flight, exits 0 and leaves no process behind', async () => {
    modelship = await Modelship.start({ v1: 90, v2: 10 });
    const pids = ['v1', 'v2'].map((version) => modelship?.version(version)?.pid as number);
    load = new Load(modelship.url, { callers: 4 });
    await sleep(500);
    const stoppedAt = performance.now();
    const code = await modelship.stop();
    const outcomes = await load.stop();
    expect(code).toBe(0);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow();
    // Refused connections after the door is shut are no loss; a request that was taken must be answered.
    const cut = failed(outcomes).filter((o) => o.sentAt < stoppedAt || !/ECONNREFUSED/.test(o.error ?? ''));
    expect(describeFailures(cut)).toEqual([]);
  });
});
