import { describe, expect, test } from 'vitest';
import { Controller, type ControllerOptions } from '../../../operator/kube/controller.ts';
import { KubeError } from '../../../operator/kube/error.ts';
import type { Log } from '../../../operator/kube/log.ts';
import { OperatorMetrics } from '../../../operator/kube/metrics.ts';
import type { Outcome } from '../../../operator/kube/outcome.ts';
import { FakeClock, settle } from './fake-clock.ts';

interface Line {
  level: keyof Log;
  message: string;
  [field: string]: unknown;
}

function memoryLog() {
  const lines: Line[] = [];
  const at = (level: keyof Log) => (fields: object, message: string) => void lines.push({ ...fields, level, message });
  return { lines, log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } satisfies Log };
}

/** A controller of two workers; a key is at work until a test ends it. */
function build(options: Partial<ControllerOptions> = {}) {
  const clock = new FakeClock();
  const start = clock.now();
  const { lines, log } = memoryLog();
  const metrics = new OperatorMetrics();
  const began: string[] = [];
  const working = new Map<string, PromiseWithResolvers<Outcome> & { signal: AbortSignal }>();
  const controller = new Controller({
    name: 'test',
    reconcile: (key, signal) => {
      expect(working.has(key), 'never two workers on one key').toBe(false);
      began.push(`${key}@${clock.now() - start}`);
      const run = { ...Promise.withResolvers<Outcome>(), signal };
      working.set(key, run);
      return run.promise.finally(() => working.delete(key));
    },
    workers: 2,
    clock,
    random: () => 0,
    log,
    metrics,
    ...options,
  });
  const end = async (key: string, ending: Outcome | { thrown: unknown } = { kind: 'done' }) => {
    const run = working.get(key);
    if (!run) throw new Error(`${key} is not at work`);
    if ('thrown' in ending) run.reject(ending.thrown);
    else run.resolve(ending);
    await settle();
  };
  return { clock, lines, metrics, began, working, controller, end };
}

const FAILED: Outcome = { kind: 'retry', reason: 'no quota' };

describe('handing out', () => {
  test('what is added before the start waits for it; a second start does nothing', async () => {
    const { began, controller } = build();
    controller.add('a');
    controller.add('a');
    await settle();
    expect([began, controller.depth, controller.working]).toEqual([[], 1, 0]);
    controller.start();
    controller.start();
    await settle();
    expect([began, controller.depth, controller.working]).toEqual([['a@0'], 0, 1]);
  });

  test('a reconciler does not run inside the call that adds its key', async () => {
    const { began, controller } = build();
    controller.start();
    controller.add('a');
    expect(began).toEqual([]);
    await settle();
    expect(began).toEqual(['a@0']);
  });

  test('no more keys are at work than there are workers; the next comes when one is free', async () => {
    const { began, controller, end } = build();
    controller.start();
    for (const key of ['a', 'b', 'c', 'd']) controller.add(key);
    await settle();
    expect([began, controller.depth, controller.working]).toEqual([['a@0', 'b@0'], 2, 2]);
    await end('b');
    expect([began.at(-1), controller.depth, controller.working]).toEqual(['c@0', 1, 2]);
  });

  test('a key that becomes due while all workers are taken is not forgotten', async () => {
    const { clock, began, controller, end } = build({ workers: 1 });
    controller.start();
    controller.add('a');
    controller.add('b', 100);
    await clock.advance(500);
    await end('a');
    expect(began).toEqual(['a@0', 'b@500']);
  });

  test('a key that changes while it is at work comes again after, once, though another worker is free', async () => {
    const { began, controller, end } = build();
    controller.start();
    controller.add('a');
    await settle();
    controller.add('a');
    controller.add('a');
    await settle();
    expect(began).toHaveLength(1);
    await end('a');
    expect([began, controller.working]).toEqual([['a@0', 'a@0'], 1]);
    await end('a');
    expect([began.length, controller.working]).toEqual([2, 0]);
  });
});

describe('outcomes', () => {
  test.each<[string, (Outcome | { thrown: unknown })[], number[]]>([
    ['done', [{ kind: 'done' }], [0]],
    ['terminal', [{ kind: 'terminal', reason: 'x' }], [0]],
    ['after', [{ kind: 'after', ms: 300 }, { kind: 'done' }], [0, 300]],
    ['retry', [FAILED, FAILED, { kind: 'done' }], [0, 125, 250]],
    ['retry, not before', [{ ...FAILED, afterMs: 4_000 }, { kind: 'done' }], [0, 4_000]],
    ['an exception', [{ thrown: new TypeError('oh') }, FAILED, { kind: 'done' }], [0, 125, 250]],
    ['something thrown that is no error', [{ thrown: 'oh' }, { kind: 'done' }], [0, 125]],
    ['a wait that is not a number', [{ kind: 'after', ms: Number.NaN }, { kind: 'done' }], [0, 125]],
    [
      'an API server that asks to wait',
      [{ thrown: new KubeError('TooManyRequests', 'wait', { retryAfterMs: 9_000 }) }, { kind: 'done' }],
      [0, 9_000],
    ],
  ])('%s', async (_, endings, gaps) => {
    const { clock, began, controller, end } = build();
    controller.start();
    controller.add('a');
    await settle();
    for (const ending of endings) {
      await end('a', ending);
      await clock.advance(3_600_000);
    }
    expect(began.map((text) => Number(text.slice(2)) % 3_600_000)).toEqual(gaps);
    expect([controller.working, controller.depth, clock.pending]).toEqual([0, 0, 0]);
  });

  test('a reconciler that throws before it returns a promise does no harm', async () => {
    const { clock, lines, controller } = build({
      reconcile: () => {
        throw new Error('at once');
      },
    });
    controller.start();
    controller.add('a');
    await clock.advance(130);
    expect(lines.map(({ level }) => level)).toEqual(['error', 'error']);
  });
});

describe('log lines', () => {
  const said = async (ending: Outcome | { thrown: unknown }, times = 1) => {
    const { clock, lines, controller, end } = build();
    controller.start();
    controller.add('ns/a');
    for (let i = 0; i < times; i++) {
      await clock.advance(60_000);
      await clock.advance(40);
      await end('ns/a', ending);
    }
    return lines;
  };

  test.each<[Outcome, Partial<Line>]>([
    [{ kind: 'done' }, { level: 'debug', outcome: 'done', message: 'ns/a: done' }],
    [
      { kind: 'after', ms: 700 },
      { level: 'debug', outcome: 'after', againInMs: 700 },
    ],
    [FAILED, { level: 'info', outcome: 'retry', reason: 'no quota', failures: 1, againInMs: 125 }],
    [
      { kind: 'terminal', reason: 'bad spec' },
      { level: 'info', outcome: 'terminal', message: 'ns/a: waits for a change: bad spec' },
    ],
  ])('$kind', async (outcome, line) => {
    expect(await said(outcome)).toEqual([
      expect.objectContaining({ controller: 'test', key: 'ns/a', durationMs: 60_040, ...line }),
    ]);
  });

  test('the third failure in a row is a warning', async () => {
    expect((await said(FAILED, 4)).map(({ level }) => level)).toEqual(['info', 'info', 'warn', 'warn']);
  });

  test('an exception is an error, with all that is known of it', async () => {
    const thrown = new TypeError('x is not a function');
    expect(await said({ thrown })).toEqual([
      expect.objectContaining({ level: 'error', key: 'ns/a', outcome: 'error', failures: 1, err: thrown }),
    ]);
  });
});

describe('stopping', () => {
  test('aborts who is at work, waits for them, and hands out nothing more', async () => {
    const { clock, lines, began, working, controller, end } = build();
    controller.start();
    for (const key of ['a', 'b', 'waits']) controller.add(key);
    controller.add('later', 1_000);
    await settle();
    let stopped = false;
    void controller.stop().then(() => {
      stopped = true;
    });
    expect([...working.values()].map(({ signal }) => signal.aborted)).toEqual([true, true]);
    controller.add('new');
    await end('a', { kind: 'after', ms: 0 });
    expect(stopped).toBe(false);
    await end('b', { thrown: new DOMException('aborted', 'AbortError') });
    expect(stopped).toBe(true);
    await clock.advance(100_000);
    expect(began).toEqual(['a@0', 'b@0']);
    expect([controller.depth, controller.working, clock.pending]).toEqual([0, 0, 0]);
    expect(lines.map(({ level, key }) => [level, key])).toEqual([
      ['debug', 'a'],
      ['debug', 'b'],
    ]);
  });

  test('a key that was handed out in the same breath is not worked on', async () => {
    const { began, controller } = build();
    controller.start();
    controller.add('a');
    await controller.stop();
    expect([began, controller.working]).toEqual([[], 0]);
  });

  test('twice is once, also before the start; and there is no start after it', async () => {
    const { controller } = build();
    expect(controller.stop()).toBe(controller.stop());
    await controller.stop();
    expect(() => controller.start()).toThrow(/was stopped/);
  });
});

test('metrics: what waits, what is at work, how it ends', async () => {
  const { clock, metrics, controller, end } = build({ workers: 1 });
  controller.start();
  controller.add('a');
  controller.add('b');
  await clock.advance(2_000);
  const value = async (name: string, labels = '') => {
    const line = (await metrics.registry.metrics()).split('\n').find((text) => text.startsWith(`${name}${labels} `));
    return Number(line?.split(' ').at(-1));
  };
  expect(await value('modelship_operator_queue_depth')).toBe(1);
  expect(await value('modelship_operator_queue_oldest_seconds')).toBe(2);
  expect(await value('modelship_operator_queue_working')).toBe(1);
  expect(await value('modelship_operator_queue_longest_working_seconds')).toBe(2);
  await end('a', FAILED);
  await end('b', { thrown: new Error('oh') });
  expect(await value('modelship_operator_queue_latency_seconds_sum')).toBe(2);
  expect(await value('modelship_operator_reconcile_seconds_sum')).toBe(2);
  expect(await value('modelship_operator_queue_retries_total')).toBe(2);
  expect(await value('modelship_operator_reconciles_total', '{outcome="retry"}')).toBe(1);
  expect(await value('modelship_operator_reconciles_total', '{outcome="error"}')).toBe(1);
  expect(await value('modelship_operator_queue_longest_working_seconds')).toBe(0);
});

test.each([0, 1.5, Number.NaN])('%d workers are refused', (workers) => {
  expect(() => build({ workers })).toThrow(/workers of controller test/);
});
