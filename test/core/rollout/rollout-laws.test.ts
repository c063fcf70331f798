/** Laws of the engine and the planner together, under any order of edits, failures, commands, clocks and restarts. */

import { expect, test } from 'vitest';
import { ROLLOUT_COMMANDS } from '../../../api/rollout-command.ts';
import { trafficTable } from '../../../api/traffic-table.ts';
import type { Plan } from '../../../core/model.ts';
import { isWalking, type RolloutOutput } from '../../../core/rollout/model.ts';
import { rollout } from '../../../core/rollout/rollout.ts';
import { gainersOf, sharesAt, stepsOf } from '../../../core/rollout/steps.ts';
import { neededOf } from '../../../core/target.ts';
import fc from '../../properties.ts';
import { ANALYSIS, MINUTE, OTHER_SIGNATURE, reread, type Spec, settings } from './build.ts';
import { expectAtRest, World } from './world.ts';

const NAMES = ['v1', 'v2', 'v3'] as const;
const name = fc.constantFrom(...NAMES);
/** Looked at once a minute, so that a history is not made of looks. */
const MEASURED = { ...ANALYSIS, intervalMs: MINUTE };
const STEPS = [
  settings([[5], [25, MINUTE], [50, 0, 'approval']], { analysis: MEASURED }),
  settings([[5], [25, MINUTE], [50, 0, 'approval']]),
  settings([[0, MINUTE], [10], [10, MINUTE]], { analysis: MEASURED, onFailure: 'Pause' }),
  settings([[33]], { signature: 'Any' }),
  settings([[20, 2 * MINUTE], [60]], { analysis: { ...MEASURED, deadlineMs: 5 * MINUTE } }),
];

const shares = fc
  .tuple(
    fc.uniqueArray(name, { minLength: 1 }),
    fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 2, maxLength: 2 }),
  )
  .map(([names, cuts]) => {
    const points = [0, ...cuts.slice(0, names.length - 1).sort((a, b) => a - b), 20];
    return Object.fromEntries(names.map((n, i) => [n, 5 * ((points[i + 1] as number) - (points[i] as number))]));
  });

const event = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('edit' as const), shares }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('checks' as const), note: fc.constantFrom('a', 'b') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('steps' as const), index: fc.nat(STEPS.length - 1) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('ready' as const), name, count: fc.integer({ min: 1, max: 8 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('crash' as const), name, count: fc.integer({ min: 0, max: 1 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('exit' as const), name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('heal' as const), name }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('verdict' as const),
      name,
      verdict: fc.constantFrom('Pass', 'Fail', 'Inconclusive'),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('in force' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('calm' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: -5_000, max: 3 * MINUTE }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constant(45 * MINUTE) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('say' as const), command: fc.constantFrom(...ROLLOUT_COMMANDS) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill' as const) }) },
);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

const start = fc.record({
  steps: fc.nat(STEPS.length - 1),
  elastic: fc.boolean(),
  other: fc.boolean(),
});

function begin({ steps, elastic, other }: typeof start extends fc.Arbitrary<infer T> ? T : never): World {
  const spec: Partial<Spec> = {
    sizes: { v1: 3, v2: 2, v3: 1 },
    ...(elastic && { elastic: { v1: { min: 2, max: 9 }, v2: { min: 1, max: 6 } } }),
  };
  const world = World.serving({ v1: 100 }, spec);
  world.edit({ rollout: STEPS[steps] });
  if (other) world.natures.v3 = { signature: OTHER_SIGNATURE };
  world.watch = (before, out, next) => checkLaws(world, before, out, next);
  world.pass();
  return world;
}

function happen(world: World, event: Event): void {
  const nature = 'name' in event ? (world.natures[event.name] ?? {}) : {};
  const is = (change: object) => {
    if ('name' in event) world.natures[event.name] = { ...nature, ...change };
  };
  if (event.do === 'edit') world.edit({ shares: event.shares });
  else if (event.do === 'checks') world.edit({ note: event.note });
  else if (event.do === 'steps') world.edit({ rollout: STEPS[event.index] });
  else if (event.do === 'ready') world.ready(event.name, event.count);
  else if (event.do === 'crash') {
    const running = world.running.get(event.name);
    if (running) running.ready = Math.min(running.ready, event.count);
  } else if (event.do === 'exit') is({ exits: (nature.exits ?? 0) + 1 });
  else if (event.do === 'fail' && event.name !== 'v1') is({ failure: { code: 'LOAD_FAILED', message: 'it is none' } });
  else if (event.do === 'heal') is({ failure: undefined, verdict: 'Pass' });
  else if (event.do === 'verdict') is({ verdict: event.verdict });
  else if (event.do === 'in force') world.inForce();
  else if (event.do === 'calm') world.calm();
  else if (event.do === 'wait') world.after(event.ms);
  else if (event.do === 'say') world.say(event.command);
  else if (event.do === 'kill') world.pass(true);
  world.pass();
  world.pass();
}

function checkLaws(world: World, before: World['snapshot'], out: RolloutOutput, next: Plan): void {
  const { state, goal } = out;
  checkEvidence(world, before, out);
  const sum = goal.versions.reduce((total, { share }) => total + share, 0);
  expect(sum).toBe(10_000);
  const wasServed = new Map(before.table?.versions.map((row) => [row.name, row.share]));
  if (next.table) {
    const table = trafficTable.parse(next.table);
    for (const { name: gainer, share } of table.versions) {
      if (share <= (wasServed.get(gainer) ?? 0)) continue;
      const ready = before.running.get(gainer)?.ready ?? 0;
      const version = goal.versions.find((v) => v.name === gainer);
      const enough = goal.urgent || !version ? 1 : Math.max(1, neededOf(version));
      expect(ready, `${gainer} gains`).toBeGreaterThanOrEqual(enough);
    }
  }
  for (const gone of next.retire) {
    if (!before.running.has(gone)) continue;
    for (const shown of [before.table, before.inForceTable, next.table]) {
      expect(shown?.versions.find((v) => v.name === gone)?.share ?? 0, `${gone} retires`).toBe(0);
    }
  }
  if (isWalking(state)) {
    const { from, to, step } = state;
    const settings = world.spec.rollout as NonNullable<Spec['rollout']>;
    const at = stepsOf(state, settings)[step];
    const most = at ? sharesAt(from, to, at.traffic) : to;
    for (const gainer of gainersOf(state)) {
      const share = next.table?.versions.find((v) => v.name === gainer)?.share ?? 0;
      expect(share).toBeLessThanOrEqual(Math.max(most[gainer] ?? 0, wasServed.get(gainer) ?? 0));
    }
    for (const old of Object.keys(from)) {
      expect(next.retire, 'a rollback is possible').not.toContain(old);
      const size = next.run.find((run) => run.name === old)?.size ?? 0;
      expect(size, 'nothing shrinks').toBeGreaterThanOrEqual(before.running.get(old)?.size ?? 0);
    }
    if (before.state?.id === state.id && before.state.steps === state.steps) {
      expect(step, 'no step back').toBeGreaterThanOrEqual(before.state.step);
    }
    const told = world.state?.honoured?.startsWith('promote');
    if (next.table && !told && settings.signature === 'Compatible' && !state.revert) {
      const v3 = next.table.versions.find((v) => v.name === 'v3')?.share ?? 0;
      if (
        world.natures.v3?.signature === OTHER_SIGNATURE &&
        state.stable !== 'v3' &&
        (before.running.get('v1')?.size ?? 0) > 0
      ) {
        expect(v3).toBeLessThanOrEqual(Math.max(wasServed.get('v3') ?? 0, from.v3 ?? 0));
      }
    }
  }
}

/** No step is passed by silence, and what fails is not gone on with. */
function checkEvidence(world: World, { state: was, verdicts }: World['snapshot'], { state }: RolloutOutput): void {
  const analysis = world.spec.rollout?.analysis;
  if (!analysis || !isWalking(was) || was.steps === 0 || was.id !== state?.id || was.target !== state.target) return;
  const canaries = gainersOf(was).filter((each) => each !== was.stable);
  const promoted = state.honoured !== was.honoured && state.honoured?.startsWith('promote');
  const went = was.steps === state.steps && state.step > was.step && !promoted;
  if (went && canaries.length > 0) expect(verdicts?.map(({ verdict }) => verdict)).toEqual(canaries.map(() => 'Pass'));
  const fails = verdicts?.some(({ verdict }) => verdict === 'Fail');
  if (fails && was.steps === state.steps && state.honoured === was.honoured)
    expect(state.phase).not.toBe('Progressing');
}

const histories = fc.tuple(start, fc.array(event, { maxLength: 50 }));
const RUNS = { numRuns: Number(process.env.ROLLOUT_LAWS_RUNS ?? 100) };

test('whatever happens, the laws of every pass hold', () => {
  fc.assert(
    fc.property(histories, ([first, events]) => {
      const world = begin(first);
      for (const each of events) happen(world, each);
    }),
    RUNS,
  );
});

test('the same input gives the same answer, and an answer that was taken gives itself', () => {
  fc.assert(
    fc.property(histories, ([first, events]) => {
      const world = begin(first);
      for (const each of events) {
        happen(world, each);
        const input = world.input();
        const once = rollout(input);
        expect(rollout(reread(input))).toEqual(once);
        expect(rollout({ ...input, state: once.state })).toEqual(once);
      }
    }),
    RUNS,
  );
});

test('every history comes to rest, and at rest nothing is written', () => {
  fc.assert(
    fc.property(histories, ([first, events]) => {
      const world = begin(first);
      for (const each of events) happen(world, each);
      world.untilRest();
      world.after(24 * 60 * MINUTE).calm();
      expectAtRest(world);
      world.restart();
      world.untilRest();
      expectAtRest(world);
    }),
    RUNS,
  );
});

test('while a walk is under way, abort gives back what there was, whatever the new version does', () => {
  fc.assert(
    fc.property(histories, ([first, events]) => {
      const world = begin(first);
      for (const each of events) happen(world, each);
      const { state } = world;
      if (!isWalking(state) || state.revert) return;
      world.say('abort').pass();
      expect(world.state?.phase).toBe('Aborted');
      for (const old of Object.keys(state.from)) delete world.natures[old];
      world.calm();
      const from = Object.fromEntries(Object.entries(state.from).map(([n, share]) => [n, share / 100]));
      expect(world.split).toEqual(from);
    }),
    RUNS,
  );
});

test('a process that is killed in every pass gets as far as one that lives', () => {
  fc.assert(
    fc.property(start, shares, (first, to) => {
      const [lives, dies] = [begin({ ...first, other: false }), begin({ ...first, other: false })];
      for (const world of [lives, dies]) world.edit({ shares: to });
      for (let round = 0; round < 80; round++) {
        for (const world of [lives, dies]) {
          if (world === dies) world.pass(true);
          world.calm().after(MINUTE);
          if (world.state?.reason === 'ApprovalRequired') world.say('approve');
        }
      }
      expect(dies.split).toEqual(lives.split);
      expect(dies.state?.phase).toBe(lives.state?.phase);
      expect(dies.split).toEqual(Object.fromEntries(Object.entries(to).filter(([, share]) => share > 0)));
    }),
    { numRuns: 60 },
  );
});
