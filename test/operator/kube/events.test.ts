/** What a recorder sends, on a clock and a server that the test commands. */
import { describe, expect, it } from 'vitest';
import type { KubeClient } from '../../../operator/kube/client.ts';
import { KubeError, type KubeErrorCode } from '../../../operator/kube/error.ts';
import { Buckets } from '../../../operator/kube/event-series.ts';
import { EventRecorder, type EventResult, type EventSubject, type EventText } from '../../../operator/kube/events.ts';
import { silentLog } from '../../../operator/kube/log.ts';
import type { StoredObject } from '../../../operator/kube/object.ts';
import { FakeClock, settle } from './fake-clock.ts';

const MINUTE = 60_000;
const DIGITS: EventSubject = {
  apiVersion: 'modelship.dev/v1alpha1',
  kind: 'ModelDeployment',
  name: 'digits',
  namespace: 'team',
  uid: 'uid-1',
};
const LOADED: EventText = { type: 'Normal', reason: 'Loaded', message: 'v1 is loaded and warm' };

interface Sent {
  verb: 'create' | 'patch';
  name: string;
  body: Record<string, unknown> & { series?: { count: number; lastObservedTime: string } };
}

class World {
  readonly clock = new FakeClock();
  readonly sent: Sent[] = [];
  readonly results: EventResult[] = [];
  /** How requests to come fail. */
  failures: (KubeError | undefined)[] = [];
  /** Requests wait until it is called. */
  release: (() => void) | undefined;
  readonly recorder: EventRecorder;
  #gate: Promise<void> = Promise.resolve();

  constructor() {
    const client = {
      create: (_, object) => this.#request('create', (object.metadata as { name: string }).name, object),
      patch: (_, key, body) => this.#request('patch', key.name, body),
    } as Partial<KubeClient> as KubeClient;
    this.recorder = new EventRecorder({
      client,
      component: 'modelship.dev/operator',
      instance: 'host-1',
      clock: this.clock,
      log: silentLog,
      onResult: (result) => this.results.push(result),
    });
  }

  hold(): void {
    this.#gate = new Promise((resolve) => {
      this.release = () => resolve();
    });
  }

  async record(text: Partial<EventText> = {}, subject: Partial<EventSubject> = {}): Promise<void> {
    this.recorder.record({ ...DIGITS, ...subject }, { ...LOADED, ...text });
    await settle();
  }

  get counts(): Record<EventResult, number> {
    const counts = { sent: 0, merged: 0, dropped: 0 };
    for (const result of this.results) counts[result]++;
    return counts;
  }

  async #request(verb: Sent['verb'], name: string, body: object): Promise<StoredObject> {
    // As a client would, which makes its text at once.
    this.sent.push({ verb, name, body: structuredClone(body) as Sent['body'] });
    await this.#gate;
    const failure = this.failures.shift();
    if (failure) throw failure;
    return {} as StoredObject;
  }
}

const error = (code: KubeErrorCode, retryAfterMs?: number): KubeError => new KubeError(code, code, { retryAfterMs });

describe('an event', () => {
  it('is sent with all that events.k8s.io/v1 asks for', async () => {
    const world = new World();
    await world.record();
    expect(world.sent).toEqual([
      {
        verb: 'create',
        name: expect.stringMatching(/^digits\.[0-9a-f]{19}$/),
        body: {
          apiVersion: 'events.k8s.io/v1',
          kind: 'Event',
          metadata: { name: world.sent[0]?.name, namespace: 'team' },
          eventTime: '2026-01-01T00:00:00.000000Z',
          reportingController: 'modelship.dev/operator',
          reportingInstance: 'host-1',
          action: 'Loaded',
          reason: 'Loaded',
          regarding: DIGITS,
          note: 'v1 is loaded and warm',
          type: 'Normal',
        },
      },
    ]);
    expect(world.results).toEqual(['sent']);
  });

  it('of a subject with more fields than an EventSubject has is about the named ones', async () => {
    const world = new World();
    await world.record({}, { spec: 'large' } as Partial<EventSubject>);
    expect(world.sent[0]?.body.regarding).toEqual(DIGITS);
  });

  it.each<[string, string]>([
    ['letters', 'x'.repeat(3_000)],
    ['characters of several bytes', '日'.repeat(1_000)],
    ['characters of two code units', `x${'😀'.repeat(1_000)}`],
  ])('with a long message of %s is cut to 1 KiB between two characters', async (_, message) => {
    const world = new World();
    await world.record({ message });
    const note = world.sent[0]?.body.note as string;
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1_024);
    expect(Buffer.byteLength(note)).toBeGreaterThan(1_015);
    expect(message.startsWith(note.slice(0, -1))).toBe(true);
    expect(note.endsWith('…')).toBe(true);
  });

  it('has a name that is allowed, whatever its subject is called', async () => {
    const world = new World();
    await world.record({}, { name: `${'a'.repeat(232)}-${'b'.repeat(20)}` });
    expect(world.sent[0]?.name).toMatch(/^a{232}\.[0-9a-f]{19}$/);
  });

  it('has a name of its own, also within a millisecond', async () => {
    const world = new World();
    for (let i = 0; i < 10; i++) world.recorder.record(DIGITS, { ...LOADED, message: `${i}` });
    await settle();
    expect(new Set(world.sent.map(({ name }) => name)).size).toBe(10);
  });

  it('that cannot be read is ignored', () => {
    const world = new World();
    expect(() => world.recorder.record(DIGITS, {} as EventText)).not.toThrow();
    expect(() => world.recorder.record(undefined as never, undefined as never)).not.toThrow();
  });
});

describe('the same event again', () => {
  it('is told at once the first time, then once a minute, as a count', async () => {
    const world = new World();
    for (let i = 0; i < 5; i++) await world.record();
    expect(world.sent.map(({ verb, body }) => [verb, body.series?.count])).toEqual([
      ['create', undefined],
      ['patch', 2],
    ]);
    await world.clock.advance(MINUTE);
    for (let i = 0; i < 100; i++) await world.record();
    await world.clock.advance(3 * MINUTE);
    expect(world.sent.slice(2).map(({ verb, body }) => [verb, body.series?.count])).toEqual([
      ['patch', 5],
      ['patch', 105],
    ]);
    expect(world.sent[3]?.body).toEqual({ series: { count: 105, lastObservedTime: '2026-01-01T00:01:00.000000Z' } });
    expect(new Set(world.sent.map(({ name }) => name)).size).toBe(1);
    expect(world.counts).toEqual({ sent: 1, merged: 104, dropped: 0 });
    expect(world.clock.pending).toBe(0);
  });

  it('is one Event with a count when it happens before the first was sent', async () => {
    const world = new World();
    for (let i = 0; i < 3; i++) world.recorder.record(DIGITS, LOADED);
    await settle();
    expect(world.sent).toHaveLength(1);
    expect(world.sent[0]?.body.series?.count).toBe(3);
  });

  it('is another Event ten minutes later', async () => {
    const world = new World();
    await world.record();
    await world.clock.advance(10 * MINUTE - 1);
    await world.record();
    await world.clock.advance(10 * MINUTE);
    await world.record();
    expect(world.sent.map(({ verb }) => verb)).toEqual(['create', 'patch', 'create']);
    expect(world.sent[2]?.body.series).toBeUndefined();
  });

  it.each<[string, Partial<EventText>, Partial<EventSubject>]>([
    ['subject', {}, { uid: 'uid-2' }],
    ['type', { type: 'Warning' }, {}],
    ['reason', { reason: 'Other' }, {}],
    ['message', { message: 'v2 is loaded and warm' }, {}],
  ])('is another Event when it has another %s', async (_, text, subject) => {
    const world = new World();
    await world.record();
    await world.record(text, subject);
    expect(world.sent.map(({ verb }) => verb)).toEqual(['create', 'create']);
  });

  it('is made anew, with its count, when the API server has forgotten the Event', async () => {
    const world = new World();
    world.failures = [undefined, error('NotFound')];
    await world.record();
    await world.record();
    expect(world.sent.map(({ verb }) => verb)).toEqual(['create', 'patch', 'create']);
    expect(world.sent[2]?.name).not.toBe(world.sent[0]?.name);
    expect(world.sent[2]?.body.series?.count).toBe(2);
    expect(world.results).toEqual(['sent', 'merged']);
  });

  it('is told the next time when it happened while its count was under way', async () => {
    const world = new World();
    await world.record();
    world.hold();
    await world.record();
    await world.record();
    world.release?.();
    await world.clock.advance(MINUTE);
    expect(world.sent.map(({ body }) => body.series?.count)).toEqual([undefined, 2, 3]);
  });

  it('tells its count later when telling it failed', async () => {
    const world = new World();
    await world.record();
    world.failures = [error('Forbidden')];
    await world.record();
    await world.clock.advance(MINUTE);
    expect(world.sent.map(({ body }) => body.series?.count)).toEqual([undefined, 2, 2]);
  });
});

describe('a failure to send', () => {
  it.each<[string, KubeErrorCode, number]>([
    ['a time-out', 'Timeout', 1_000],
    ['no connection', 'Unavailable', 1_000],
    ['an API server that asks to wait', 'TooManyRequests', 3_000],
  ])('of %s is tried once more after a moment', async (_, code, afterMs) => {
    const world = new World();
    world.failures = [error(code, code === 'TooManyRequests' ? 3_000 : undefined)];
    await world.record();
    await world.clock.advance(afterMs - 1);
    expect(world.sent).toHaveLength(1);
    await world.clock.advance(1);
    expect(world.sent).toHaveLength(2);
    expect(world.sent[1]?.name).toBe(world.sent[0]?.name);
    expect(world.results).toEqual(['sent']);
  });

  it('counts as sent when the first attempt turns out to have arrived', async () => {
    const world = new World();
    world.failures = [error('Timeout'), error('AlreadyExists')];
    await world.record();
    await world.clock.advance(1_000);
    expect(world.results).toEqual(['sent']);
  });

  it('twice drops the event, which is new when it happens again', async () => {
    const world = new World();
    world.failures = [error('Unavailable'), error('Unavailable')];
    await world.record();
    await world.clock.advance(5_000);
    expect(world.results).toEqual(['dropped']);
    await world.record();
    expect(world.sent.map(({ verb }) => verb)).toEqual(['create', 'create', 'create']);
    expect(world.results).toEqual(['dropped', 'sent']);
  });

  it.each<KubeErrorCode>(['NamespaceTerminating', 'Forbidden', 'Invalid', 'NotLeader', 'NotFound'])(
    'of code %s drops the event at once, and the next is sent',
    async (code) => {
      const world = new World();
      world.failures = [error(code)];
      await world.record();
      await world.record({ message: 'another' });
      expect(world.results).toEqual(['dropped', 'sent']);
      expect(world.sent).toHaveLength(2);
    },
  );

  it('drops what happened again while it was being sent with it', async () => {
    const world = new World();
    world.hold();
    world.failures = [error('Forbidden')];
    await world.record();
    await world.record();
    world.release?.();
    await settle();
    expect(world.results).toEqual(['merged', 'dropped']);
    expect(world.sent).toHaveLength(1);
  });
});

describe('bounds', () => {
  it('twenty requests about a subject at once, then one in 30 s', async () => {
    const world = new World();
    for (let i = 0; i < 30; i++) await world.record({ message: `${i}` });
    expect(world.counts).toEqual({ sent: 20, merged: 0, dropped: 10 });
    await world.record({}, { uid: 'uid-2' });
    expect(world.counts.sent).toBe(21);
    await world.clock.advance(MINUTE);
    for (let i = 30; i < 40; i++) await world.record({ message: `${i}` });
    expect(world.counts.sent).toBe(23);
  });

  it('repeats cost nothing as long as they are not told', async () => {
    const world = new World();
    for (let i = 0; i < 1_000; i++) world.recorder.record(DIGITS, LOADED);
    for (let i = 0; i < 19; i++) await world.record({ message: `${i}` });
    expect(world.counts).toEqual({ sent: 20, merged: 999, dropped: 0 });
  });

  it('200 events wait; the oldest give way', async () => {
    const world = new World();
    world.hold();
    await world.record({}, { uid: 'first' });
    for (let i = 0; i < 250; i++) world.recorder.record({ ...DIGITS, uid: `uid-${i}` }, LOADED);
    expect(world.counts).toEqual({ sent: 0, merged: 0, dropped: 50 });
    world.release?.();
    for (let i = 0; i < 50; i++) await settle();
    expect(world.counts).toEqual({ sent: 201, merged: 0, dropped: 50 });
    expect(world.sent[1]?.body.regarding).toMatchObject({ uid: 'uid-50' });
  });

  it('an event that is being sent is not lost when its repeat gives way', async () => {
    const world = new World();
    world.hold();
    await world.record();
    await world.record();
    for (let i = 0; i < 200; i++) world.recorder.record({ ...DIGITS, uid: `other-${i}` }, LOADED);
    world.release?.();
    for (let i = 0; i < 50; i++) await settle();
    await world.clock.advance(MINUTE);
    expect(world.counts).toEqual({ sent: 201, merged: 1, dropped: 0 });
    expect(world.sent.at(-1)).toMatchObject({
      verb: 'patch',
      name: world.sent[0]?.name,
      body: { series: { count: 2 } },
    });
  });

  it('the subjects heard of longest ago get a full bucket again', () => {
    const buckets = new Buckets({ burst: 1, refillMs: MINUTE }, 2);
    const takes = ['a', 'b', 'a', 'c', 'a', 'b'].map((key) => buckets.take(key, 0));
    expect(takes).toEqual([true, true, false, true, false, true]);
  });

  it('2,000 events are remembered; those that happened longest ago are forgotten', async () => {
    const world = new World();
    for (let i = 0; i < 2_000; i++) await world.record({}, { uid: `uid-${i}` });
    await world.record({}, { uid: 'uid-0' });
    await world.record({}, { uid: 'one more' });
    world.sent.length = 0;
    await world.record({}, { uid: 'uid-0' });
    await world.record({}, { uid: 'uid-2' });
    await world.record({}, { uid: 'uid-1' });
    expect(world.sent.map(({ verb }) => verb)).toEqual(['patch', 'create']);
  });
});

describe('closing', () => {
  it('waits for what is under way and what waits', async () => {
    const world = new World();
    world.hold();
    await world.record();
    await world.record({ message: 'another' });
    let closed = false;
    const closing = world.recorder.close().then(() => {
      closed = true;
    });
    await settle();
    expect(closed).toBe(false);
    world.release?.();
    await closing;
    expect(world.counts).toEqual({ sent: 2, merged: 0, dropped: 0 });
  });

  it('does not wait for a moment before a second attempt, nor for counts', async () => {
    const world = new World();
    await world.record();
    await world.record();
    world.failures = [error('Unavailable')];
    await world.record({ message: 'another' });
    await world.recorder.close();
    expect(world.counts).toEqual({ sent: 2, merged: 1, dropped: 0 });
    expect(world.clock.pending).toBe(0);
  });

  it('drops what it could not send for five seconds, and what is recorded later', async () => {
    const world = new World();
    world.hold();
    for (let i = 0; i < 3; i++) await world.record({ message: `${i}` });
    const closing = world.recorder.close();
    await world.clock.advance(5_000);
    world.release?.();
    await closing;
    await world.record({ message: 'late' });
    expect(world.results).toEqual(['sent', 'dropped', 'dropped', 'dropped']);
  });
});
