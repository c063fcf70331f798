/**
 * Who waits, and who is in the next run. Pure: no clock, no promises.
 *
 * Each request gets a turn when it comes and keeps it: one more than the turn that is being served, and one more for
 * each request of the same caller that waits already. Least turn first, then first come, is round-robin over callers
 * and first in, first out within one. Example, turn 7 being served: A sends a1 a2 a3, then B sends b1, then C sends c1;
 * turns a1 8, a2 9, a3 10, b1 8, c1 8; order a1 b1 c1 a2 a3. Nobody who comes later than turn t began gets a turn below
 * t + 1, so every turn holds a bounded number of requests, and each comes up.
 */
import { Order, type Placed } from './order.ts';
import type { Waiting } from './waiting.ts';

/** The turn of all that nobody waits for: after any other. */
const LAST = Number.MAX_SAFE_INTEGER;

/** What is remembered of a caller while any of its requests waits. */
export interface Caller {
  identity: object;
  waiting: number;
  /** The turn of its latest request. */
  last: number;
}

/** The requests of one key. */
export class Group implements Placed {
  readonly key: string | undefined;
  readonly members = new Order<Waiting>();
  /** Of all members together. */
  rows = 0;
  /** Members that no longer wait for company. */
  ripe = 0;
  /** Those of its first member, while it stands in the order of groups. */
  turn = 0;
  seq = 0;
  at = -1;

  constructor(key: string | undefined) {
    this.key = key;
  }
}

/** The key of most requests, whose group is kept while it is empty. */
const COMMON = '';

export class Line {
  /** Requests that wait, and the bytes that they hold. */
  size = 0;
  bytes = 0;
  /** Most rows of a run of several requests; 0 once nothing may be merged any more. */
  #mostRows: number;
  /** Of the run that was taken last. */
  #turn = 0;
  #seq = 0;
  readonly #callers = new Map<object, Caller>();
  readonly #common = new Group(COMMON);
  readonly #alone = new Group(undefined);
  readonly #groups = new Map<string, Group>([[COMMON, this.#common]]);
  /** Groups that may be run now. */
  readonly #ready = new Order<Group>();

  constructor(mostRows: number) {
    this.#mostRows = mostRows;
  }

  /** Whether `take` may find something. */
  get ready(): boolean {
    return this.#ready.first !== undefined;
  }

  /** Callers and groups that are remembered, for tests of what is forgotten. */
  get remembered(): number {
    return this.#callers.size + this.#groups.size - 1;
  }

  /** From now on every run is of one request. */
  stopMerging(): void {
    this.#mostRows = 0;
    for (const group of this.#groups.values()) this.#replace(group);
  }

  /** @param ripe false: it waits for company, until `ripen` or until its group is full */
  add(waiting: Waiting, ripe: boolean): void {
    const { work, rows } = waiting;
    const caller = this.#callerOf(work.caller);
    // Never below its caller's latest, or cancelled requests would let a caller's later ones overtake its earlier.
    waiting.turn = work.background ? LAST : Math.max(this.#turn + 1 + caller.waiting, caller.last);
    waiting.seq = this.#seq++;
    waiting.caller = caller;
    waiting.ripe = ripe;
    caller.waiting++;
    if (!work.background) caller.last = waiting.turn;
    const group = this.#groupOf(waiting.key);
    waiting.group = group;
    group.members.add(waiting);
    group.rows += rows;
    if (ripe) group.ripe++;
    this.size++;
    this.bytes += work.bytes;
    this.#replace(group);
  }

  /** It has waited for company long enough. */
  ripen(waiting: Waiting): void {
    const { group } = waiting;
    if (!group || waiting.ripe) return;
    waiting.ripe = true;
    group.ripe++;
    this.#replace(group);
  }

  /** @param waiting must be in the line */
  remove(waiting: Waiting): void {
    const group = waiting.group as Group;
    this.#leave(waiting, group);
    this.#replace(group);
  }

  /**
   * Takes the requests of the next run: the one whose turn it is, and those of its key that follow it, as many as fit.
   * @param late gets those that were found expired on the way; they have left the line too
   * @returns none if nothing may be run now
   */
  take(now: number, late: Waiting[]): Waiting[] {
    const members: Waiting[] = [];
    for (let group = this.#ready.first; group && members.length === 0; group = this.#ready.first) {
      this.#takeFrom(group, now, members, late);
      this.#replace(group);
    }
    return members;
  }

  #takeFrom(group: Group, now: number, members: Waiting[], late: Waiting[]): void {
    // Said apart from the rows: requests without any, which run alone, would all fit beside each other.
    const alone = group === this.#alone;
    let rows = 0;
    for (let next = group.members.first; next; next = group.members.first) {
      const expired = next.work.deadline <= now;
      if (!expired && members.length > 0 && (alone || rows + next.rows > this.#mostRows)) return;
      this.#leave(next, group);
      if (expired) {
        late.push(next);
        continue;
      }
      if (members.length === 0 && next.turn < LAST) this.#turn = Math.max(this.#turn, next.turn);
      members.push(next);
      rows += next.rows;
    }
  }

  /** Takes out all that are expired. O(n). @returns them, and when the next one of the others expires */
  expire(now: number): { late: Waiting[]; next: number } {
    const late: Waiting[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const group of [this.#alone, ...this.#groups.values()]) {
      for (const waiting of group.members.items) {
        const { deadline } = waiting.work;
        if (deadline <= now) late.push(waiting);
        else if (deadline < next) next = deadline;
      }
    }
    for (const waiting of late) this.remove(waiting);
    return { late, next };
  }

  #leave(waiting: Waiting, group: Group): void {
    const caller = waiting.caller as Caller;
    group.members.remove(waiting);
    group.rows -= waiting.rows;
    if (waiting.ripe) group.ripe--;
    waiting.group = undefined;
    if (--caller.waiting === 0) this.#callers.delete(caller.identity);
    this.size--;
    this.bytes -= waiting.work.bytes;
  }

  /** Puts a group that changed where it belongs. */
  #replace(group: Group): void {
    const first = group.members.first;
    if (!first || (group.ripe === 0 && group.rows < this.#mostRows)) {
      if (group.at >= 0) this.#ready.remove(group);
      if (!first && group.key) this.#groups.delete(group.key);
      return;
    }
    const standing = group.at >= 0;
    if (standing && group.seq === first.seq) return;
    group.turn = first.turn;
    group.seq = first.seq;
    if (standing) this.#ready.changed(group);
    else this.#ready.add(group);
  }

  #callerOf(identity: object): Caller {
    let caller = this.#callers.get(identity);
    if (!caller) {
      caller = { identity, waiting: 0, last: 0 };
      this.#callers.set(identity, caller);
    }
    return caller;
  }

  #groupOf(key: string | undefined): Group {
    if (key === undefined) return this.#alone;
    if (key === COMMON) return this.#common;
    let group = this.#groups.get(key);
    if (!group) {
      group = new Group(key);
      this.#groups.set(key, group);
    }
    return group;
  }
}
