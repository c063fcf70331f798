/** The bounded queue in front of a model: first in, first out, one run at a time. */
import type { Clock } from '../clock.ts';
import { RequestError } from '../errors.ts';
import type { Done, Room, Run, Runner, Work } from './runner.ts';

interface Waiting {
  work: Work;
  since: number;
  resolve(done: Done): void;
  reject(error: unknown): void;
  stopListening(): void;
}

export class RunQueue implements Runner {
  readonly #run: Run;
  readonly #room: Room;
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #running = false;
  #cancelSweep: (() => void) | undefined;
  /** When the sweep that is due comes. */
  #sweepAt = 0;
  #onDrained: (() => void)[] = [];

  constructor(run: Run, room: Room, clock: Clock) {
    this.#run = run;
    this.#room = room;
    this.#clock = clock;
  }

  get pending(): number {
    return this.#waiting.length + (this.#running ? 1 : 0);
  }

  submit(work: Work): Promise<Done> {
    if (!this.#hasRoom(work)) {
      const message = `the queue is full: ${this.#waiting.length} requests of ${this.#waitingBytes} bytes wait already; try again later`;
      return Promise.reject(new RequestError('QUEUE_FULL', message, { 'retry-after': '1' }));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Done>();
    const waiting: Waiting = { work, since: this.#clock.now(), resolve, reject, stopListening: () => {} };
    waiting.stopListening = work.onGone(() => this.#drop(waiting));
    this.#waiting.push(waiting);
    this.#waitingBytes += work.bytes;
    if (this.#running) this.#sweepBy(work.deadline);
    else void this.#pump();
    return promise;
  }

  #hasRoom({ bytes }: Work): boolean {
    if (this.#waiting.length === 0) return true;
    return this.#waiting.length < this.#room.requests && this.#waitingBytes + bytes <= this.#room.bytes;
  }

  drained(): Promise<void> {
    if (this.pending === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onDrained.push(resolve));
  }

  async #pump(): Promise<void> {
    this.#running = true;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      this.#waitingBytes -= next.work.bytes;
      next.stopListening();
      const started = this.#clock.now();
      if (started >= next.work.deadline) next.reject(expired(next, started));
      else await this.#execute(next, started);
    }
    this.#running = false;
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    for (const resolve of this.#onDrained.splice(0)) resolve();
  }

  async #execute({ work, since, resolve, reject }: Waiting, started: number): Promise<void> {
    try {
      const outputs = await this.#run(work.inputs, work.outputs);
      const computed = this.#clock.now() - started;
      resolve({ outputs, queued: started - since, computed, batch: 1, items: 1, first: true, from: 'run' });
    } catch (error) {
      reject(error);
    }
  }

  #drop(waiting: Waiting): void {
    const index = this.#waiting.indexOf(waiting);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    this.#waitingBytes -= waiting.work.bytes;
    waiting.reject(new RequestError('CLIENT_GONE', 'the client hung up before the request was run'));
  }

  /** Answers requests that expire while a run takes long; what is dequeued late is caught by the pump. */
  #sweepBy(deadline: number): void {
    if (this.#cancelSweep && this.#sweepAt <= deadline) return;
    this.#cancelSweep?.();
    this.#sweepAt = deadline;
    this.#cancelSweep = this.#clock.after(Math.max(1, deadline - this.#clock.now()), () => {
      this.#cancelSweep = undefined;
      this.#sweep();
      const earliest = this.#waiting.reduce(
        (least, { work }) => Math.min(least, work.deadline),
        Number.POSITIVE_INFINITY,
      );
      if (this.#waiting.length > 0) this.#sweepBy(earliest);
    });
  }

  #sweep(): void {
    const now = this.#clock.now();
    const late = this.#waiting.filter(({ work }) => work.deadline <= now);
    if (late.length === 0) return;
    this.#waiting = this.#waiting.filter(({ work }) => work.deadline > now);
    for (const waiting of late) {
      this.#waitingBytes -= waiting.work.bytes;
      waiting.stopListening();
      waiting.reject(expired(waiting, now));
    }
  }
}

function expired({ since }: Waiting, now: number): RequestError {
  return new RequestError('REQUEST_TIMEOUT', `the request waited ${Math.round(now - since)} ms and was not run`);
}
