/** Whatever starts, dies, hides and is read late: nothing is counted twice, nothing is negative. */

import { expect, test } from 'vitest';
import { Increments, type ProcessReport } from '../../../core/analysis/increments.ts';
import fc from '../../properties.ts';
import { said } from './build.ts';

const step = fc.record({
  do: fc.constantFrom('work', 'work', 'work', 'restart', 'end', 'crash', 'sample', 'sample', 'hide' as const),
  process: fc.integer({ min: 0, max: 2 }),
  good: fc.integer({ min: 0, max: 5 }),
  bad: fc.integer({ min: 0, max: 5 }),
  lost: fc.integer({ min: 0, max: 3 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Canaries that answer what one caller sends them. */
class World {
  readonly increments = new Increments();
  now = 0;
  canaries = [0, 1, 2].map(() => ({ started: -1, life: 0, answered: 0, errors: 0, alive: true, hidden: false }));
  caller = { error: 0, unreachable: 0, hidden: false };
  truth = { requests: 0, failures: 0 };
  counted = { requests: 0, failures: 0, latency: 0 };

  report(i: number): ProcessReport {
    const { started, life, answered, errors } = this.canaries[i] as (typeof this.canaries)[number];
    return said({
      process: `${i} ${life}`,
      version: 'v2',
      started,
      versions: { v2: { answered, errors } },
      latency: answered > 0 ? { 1: answered } : {},
    });
  }

  /** Everything that happens takes a second. */
  take({ do: what, process, good, bad, lost }: Step): void {
    this.now++;
    const canary = this.canaries[process] as (typeof this.canaries)[number];
    if (what === 'work') {
      this.truth.requests += canary.alive ? good + bad : lost;
      this.truth.failures += canary.alive ? bad : lost;
      if (canary.alive) {
        canary.answered += good + bad;
        canary.errors += bad;
        this.caller.error += bad;
      } else this.caller.unreachable += lost;
    } else if (what === 'restart') {
      Object.assign(canary, { started: this.now, answered: 0, errors: 0, alive: true });
    } else if (what === 'crash') {
      Object.assign(canary, { started: this.now, life: canary.life + 1, answered: 0, errors: 0, alive: false });
    } else if (what === 'end' && canary.alive) {
      this.increments.ended(this.report(process));
      Object.assign(canary, { started: this.now, life: canary.life + 1, answered: 0, errors: 0, alive: false });
    } else if (what === 'hide') {
      if (good > 2) this.caller.hidden = !this.caller.hidden;
      else canary.hidden = !canary.hidden;
    } else this.sample();
  }

  sample(): void {
    this.now++;
    const reports: ProcessReport[] = [];
    const missing: string[] = [];
    this.canaries.forEach(({ alive, hidden, life }, i) => {
      if (alive && hidden) missing.push(`${i} ${life}`);
      else if (alive) reports.push(this.report(i));
    });
    const { error, unreachable, hidden } = this.caller;
    if (hidden) missing.push('caller');
    else
      reports.push(said({ process: 'caller', version: 'v1', versions: { v2: { shielded: { error, unreachable } } } }));
    const { versions } = this.increments.sample(this.now * 1_000, reports, missing);
    for (const one of Object.values(versions)) {
      expect(one.failures).toBeGreaterThanOrEqual(0);
      expect(one.requests).toBeGreaterThanOrEqual(one.failures);
      for (const count of Object.values(one.latency)) expect(count).toBeGreaterThan(0);
    }
    this.counted.requests += versions.v2?.requests ?? 0;
    this.counted.failures += versions.v2?.failures ?? 0;
    this.counted.latency += Object.values(versions.v2?.latency ?? {}).reduce((sum, n) => sum + n, 0);
  }
}

function replay(steps: readonly Step[]): World {
  const world = new World();
  world.sample();
  for (const one of steps) world.take(one);
  world.sample();
  return world;
}

test('never more than there was', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { counted, truth } = replay(steps);
      expect(counted.requests).toBeLessThanOrEqual(truth.requests);
      expect(counted.failures).toBeLessThanOrEqual(truth.failures);
      expect(counted.latency).toBeLessThanOrEqual(truth.requests);
    }),
    { seed: 6, numRuns: 500 },
  );
});

test('exactly what there was, where nothing dies untold and all can be asked in the end', () => {
  const kind = (steps: readonly Step[]) => steps.filter(({ do: what }) => what !== 'restart' && what !== 'crash');
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const world = new World();
      world.sample();
      for (const one of kind(steps)) world.take(one);
      for (const one of [...world.canaries, world.caller]) one.hidden = false;
      world.sample();
      expect(world.counted).toMatchObject(world.truth);
    }),
    { seed: 6, numRuns: 500 },
  );
});
