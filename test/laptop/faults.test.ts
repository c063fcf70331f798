/** What users notice when processes die or the split changes: as little as can be. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { isAlive } from '../runtime/fleet/replica.ts';
import { failed, Load, type Outcome, shares, wrongLabels } from './load.ts';
import { Modelship } from './modelship.ts';

/** The supervisor closes idle connections so long after it was told to end, `LAST_LAME_DUCK_MS`. */
const LAME_DUCK_MS = 300;

/** A thousand requests a second: more of them would keep both cores busy, and show the same. */
const USERS = { callers: 8, pauseMs: 5 };

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
    load = new Load(modelship.url, USERS);
    await load.more(500);
    expect(modelship.version('v2')?.errors).toBe(0);
    modelship.kill('v2');
    await modelship.until('v2 is shown with its cause', () => modelship?.version('v2')?.cause !== undefined);
    const back = () => modelship?.version('v2')?.phase === 'Ready' && modelship.inForce;
    await modelship.until('v2 is back', back);
    await modelship.until('its errors are counted', () => (modelship?.version('v2')?.errors ?? 0) > 0);
    const before = load.outcomes.length;
    await load.more(1_000);
    const outcomes = await load.stop();
    expect(describeFailures(failed(outcomes))).toEqual([]);
    expect(wrongLabels(outcomes)).toEqual([]);
    expect(modelship.version('v2')?.shielded).toBeGreaterThan(0);
    expect(modelship.version('v1')?.errors).toBe(0);
    // It came back to its share: the circuit closed again.
    expect(shares(outcomes.slice(before)).v2).toBeGreaterThan(20);
  });

  it('of the primary costs what was in flight in it, and service is back before it is', async () => {
    modelship = await Modelship.start({ v1: 70, v2: 30 });
    load = new Load(modelship.url, USERS);
    await load.more(500);
    const { pid, entry } = modelship.version('v1') ?? {};
    expect(entry).toBe(true);
    modelship.kill('v1');
    while (isAlive(pid as number)) await sleep(1);
    const deadAt = performance.now();
    await modelship.until('v1 is back', () => {
      const { pid: now, phase } = modelship?.version('v1') ?? {};
      return now !== pid && phase === 'Ready' && modelship?.inForce === true;
    });
    await load.more(1_000);
    const outcomes = await load.stop();
    // Each of the callers had one request under way.
    expect(failed(outcomes).length).toBeLessThanOrEqual(USERS.callers);
    // Of requests that had waited until it was back, v2 would have answered three in ten.
    const after = outcomes.filter(({ status, sentAt }) => status === 200 && sentAt > deadAt);
    expect(after.findIndex(({ version }) => version === 'v1')).toBeGreaterThan(20);
    expect(wrongLabels(outcomes)).toEqual([]);
  });
});

describe('an edit of the file', () => {
  it('from 90/10 to 0/100 under load fails no request, and the share follows', async () => {
    modelship = await Modelship.start({ v1: 90, v2: 10 });
    load = new Load(modelship.url, USERS);
    await load.more(500);
    modelship.edit({ v1: 0, v2: 100 });
    await modelship.until('it is in force', () => modelship?.version('v2')?.share === 100 && modelship.inForce);
    const inForceAt = performance.now();
    await load.more(1_000);
    const outcomes = await load.stop();
    expect(describeFailures(failed(outcomes))).toEqual([]);
    expect(wrongLabels(outcomes)).toEqual([]);
    expect(shares(outcomes.filter((o) => o.sentAt > inForceAt))).toEqual({ v2: 100 });
  });

  it('to a new version and without the old one fails no request, and the old process goes', async () => {
    modelship = await Modelship.start({ v1: 90, v2: 10 }, { retireAfter: '1s' });
    const old = modelship.version('v1')?.pid as number;
    load = new Load(modelship.url, USERS);
    await load.more(200);
    modelship.edit({ v2: 40, v3: 60 }, { retireAfter: '1s' });
    await modelship.until('v3 has its share', () => modelship?.version('v3')?.observed !== undefined);
    await modelship.until('v1 is gone', () => modelship?.version('v1') === undefined);
    await load.more(500);
    const outcomes = await load.stop();
    expect(describeFailures(failed(outcomes))).toEqual([]);
    expect(wrongLabels(outcomes)).toEqual([]);
    expect(isAlive(old)).toBe(false);
    expect(outcomes.at(-1)?.version).toMatch(/^v[23]$/);
  });

  it('that is wrong is refused with its place, and the old split goes on', async () => {
    modelship = await Modelship.start({ v1: 90, v2: 10 });
    load = new Load(modelship.url, { ...USERS, callers: 2 });
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
    load = new Load(modelship.url, { ...USERS, callers: 4 });
    await load.more(200);
    const stoppedAt = performance.now();
    const code = await modelship.stop();
    const outcomes = await load.stop();
    expect(code).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
    // Refused connections after the door is shut are no loss; a request that was taken must be answered. Whoever asks nothing
    // for so long, as this process may when it is kept from running, finds its connection closed.
    const met = ({ sentAt, error }: Outcome) => sentAt < stoppedAt + LAME_DUCK_MS && !/ECONNREFUSED/.test(error ?? '');
    const cut = failed(outcomes).filter((o) => o.sentAt < stoppedAt || met(o));
    expect(describeFailures(cut)).toEqual([]);
  });
});
