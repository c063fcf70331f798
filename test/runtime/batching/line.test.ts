/** The order in which requests are taken, on random histories. */

import { describe, expect, test } from 'vitest';
import { Line } from '../../../runtime/batching/line.ts';
import { Order, type Placed } from '../../../runtime/batching/order.ts';
import { Waiting } from '../../../runtime/batching/waiting.ts';
import fc from '../../properties.ts';

const CALLERS = Array.from({ length: 4 }, (_, name) => ({ name }));

function waitingOf(caller: object, key: string | undefined, rows = 1, deadline = 1_000): Waiting {
  const work = { inputs: [], outputs: [], bytes: 7, deadline, caller, onGone: () => () => {} };
  return new Waiting(
    work,
    0,
    rows,
    key,
    () => {},
    () => {},
  );
}

const take = (line: Line) => line.take(0, []);

describe('the heap', () => {
  test('gives the least first, whatever left it and moved in it', () => {
    const item = fc.record({ turn: fc.nat(8), leaves: fc.boolean(), turnsTo: fc.option(fc.nat(8)) });
    fc.assert(
      fc.property(fc.array(item, { maxLength: 40 }), (plan) => {
        const order = new Order<Placed>();
        const items = plan.map(({ turn }, seq) => ({ turn, seq, at: -1 }));
        for (const placed of items) order.add(placed);
        for (const [i, { turnsTo }] of plan.entries()) {
          if (turnsTo === null) continue;
          (items[i] as Placed).turn = turnsTo;
          order.changed(items[i] as Placed);
        }
        const stay = items.filter((_, i) => !plan[i]?.leaves);
        for (const placed of items) if (!stay.includes(placed)) order.remove(placed);
        const taken: Placed[] = [];
        for (let first = order.first; first; first = order.first) {
          order.remove(first);
          taken.push(first);
        }
        expect(taken).toEqual(stay.toSorted((a, b) => a.turn - b.turn || a.seq - b.seq));
        expect(items.every(({ at }) => at === -1)).toBe(true);
      }),
    );
  });
});

describe('the line', () => {
  type Step = { add: { caller: number; key: number; rows: number } } | { take: true } | { remove: number };
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        add: fc.record({ caller: fc.nat(3), key: fc.nat(3), rows: fc.integer({ min: 0, max: 5 }) }),
      }),
    },
    { weight: 2, arbitrary: fc.constant({ take: true } as const) },
    { weight: 1, arbitrary: fc.record({ remove: fc.nat(30) }) },
  );
  /** The last one is that of requests that run alone. */
  const KEYS = ['', '2,', '3,', undefined];

  test('takes each once; runs are of one key and no larger than they may be; in the end nothing is remembered', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 1, max: 8 }), (steps, most) => {
        const line = new Line(most);
        const inLine = new Set<Waiting>();
        const takeOne = () => {
          const members = take(line);
          expect(members.length > 0).toBe(inLine.size > 0);
          expect(new Set(members.map(({ key }) => key)).size).toBeLessThanOrEqual(1);
          if (members[0]?.key === undefined) expect(members.length).toBeLessThanOrEqual(1);
          const rows = members.reduce((sum, member) => sum + member.rows, 0);
          if (members.length > 1) expect(rows).toBeLessThanOrEqual(most);
          for (const member of members) expect(inLine.delete(member)).toBe(true);
        };
        for (const one of steps) {
          if ('take' in one) {
            takeOne();
          } else if ('remove' in one) {
            const waiting = [...inLine][one.remove];
            if (!waiting) continue;
            line.remove(waiting);
            inLine.delete(waiting);
          } else {
            const waiting = waitingOf(CALLERS[one.add.caller] as object, KEYS[one.add.key], one.add.rows);
            line.add(waiting, true);
            inLine.add(waiting);
          }
          expect([line.size, line.bytes]).toEqual([inLine.size, inLine.size * 7]);
        }
        while (inLine.size > 0) takeOne();
        expect([line.size, line.bytes, line.remembered, line.ready]).toEqual([0, 0, 0, false]);
      }),
    );
  });

  test('whose caller has nothing else waiting is taken before all that come later than those who wait now', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.array(step, { minLength: 1, maxLength: 60 }),
        (before, after) => {
          const line = new Line(3);
          const inLine = new Set<Waiting>();
          const act = (one: Step) => {
            if ('add' in one) {
              const waiting = waitingOf(CALLERS[one.add.caller] as object, KEYS[one.add.key], one.add.rows);
              line.add(waiting, true);
              inLine.add(waiting);
            } else if ('take' in one) {
              for (const member of take(line)) inLine.delete(member);
            }
          };
          for (const one of before) act(one);
          const most = inLine.size + 1;
          const patient = waitingOf({}, '');
          line.add(patient, true);
          let runs = 0;
          // Two newcomers for each run: without turns they would keep it waiting for ever.
          for (let i = 0; patient.group; i++) {
            act(after[i % after.length] as Step);
            line.add(waitingOf({}, KEYS[i % KEYS.length]), true);
            line.add(waitingOf({}, KEYS[(i + 1) % KEYS.length]), true);
            take(line);
            if ('take' in (after[i % after.length] as Step)) runs++;
            runs++;
            expect(runs).toBeLessThanOrEqual(most + 1);
          }
        },
      ),
    );
  });

  test('of callers who always wait, none is served two more than another; each in its own order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 4 }),
        fc.nat(60),
        (depths, runs) => {
          const line = new Line(1);
          const served = depths.map(() => 0);
          const asked: Waiting[][] = depths.map(() => []);
          const ask = (caller: number) => {
            const waiting = waitingOf(CALLERS[caller] as object, '');
            asked[caller]?.push(waiting);
            line.add(waiting, true);
          };
          for (const [caller, depth] of depths.entries()) for (let i = 0; i < depth; i++) ask(caller);
          for (let run = 0; run < runs; run++) {
            const [member] = take(line);
            const caller = CALLERS.indexOf(member?.work.caller as (typeof CALLERS)[number]);
            expect(asked[caller]?.[served[caller] as number]).toBe(member);
            (served[caller] as number)++;
            // Before it asks again, so that it never has nothing waiting, even at depth 1.
            ask(caller);
            expect(Math.max(...served) - Math.min(...served)).toBeLessThanOrEqual(1);
          }
        },
      ),
    );
  });

  test('one with a thousand cancelled requests behind it is neither favoured nor pushed back for ever', () => {
    const line = new Line(1);
    const caller = {};
    for (let i = 0; i < 1_000; i++) {
      const cancelled = waitingOf(caller, '');
      line.add(cancelled, true);
      line.remove(cancelled);
    }
    const patient = waitingOf(caller, '');
    line.add(patient, true);
    line.add(waitingOf({}, ''), true);
    expect(take(line)).toEqual([patient]);
  });

  test('a caller’s later request does not overtake its earlier one, though others before them were cancelled', () => {
    const line = new Line(1);
    const caller = {};
    const all = Array.from({ length: 5 }, () => waitingOf(caller, ''));
    for (const waiting of all) line.add(waiting, true);
    for (const waiting of all.slice(0, 4)) line.remove(waiting);
    const later = waitingOf(caller, '');
    line.add(later, true);
    expect([take(line), take(line)]).toEqual([[all[4]], [later]]);
  });

  test('the expired leave on the way and do not count as company', () => {
    const line = new Line(2);
    const caller = {};
    const all = [5, 50, 5, 50, 50].map((deadline) => waitingOf(caller, '', 1, deadline));
    for (const waiting of all) line.add(waiting, true);
    const late: Waiting[] = [];
    expect(line.take(10, late)).toEqual([all[1], all[3]]);
    expect(late).toEqual([all[0], all[2]]);
    expect(line.expire(60)).toEqual({ late: [all[4]], next: Number.POSITIVE_INFINITY });
    expect(line.remembered).toBe(0);
  });
});
