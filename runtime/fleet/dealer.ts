/**
 * Deals connections out to processes: each to the one with the fewest. Until a process says that a connection is its
 * own, the head keeps it, and deals it anew when that process dies.
 */
import type { Socket } from 'node:net';
import type { DoorName } from '../../api/handoff.ts';
import type { Clock } from '../clock.ts';

/** What is needed of a process; a test brings its own. */
export interface Player {
  /** Connections that it has, as it last said. */
  readonly open: number;
  serve(door: DoorName, id: number, socket: Socket): void;
}

interface Dealt<P> {
  door: DoorName;
  socket: Socket;
  to: P;
}

interface Waiting {
  door: DoorName;
  socket: Socket;
  cancel(): void;
}

/** While there is no process: this many connections wait, this long. Then they are cut, as a closed port would refuse them. */
const MOST_WAITING = 1_024;
const LONGEST_WAIT_MS = 5_000;

export class Dealer<P extends Player> {
  readonly #players: () => readonly P[];
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting>();
  /** Sent and not yet accepted, by id. */
  readonly #dealt = new Map<number, Dealt<P>>();
  /** How many of these each process has. */
  readonly #sent = new Map<P, number>();
  #settled: (() => void) | undefined;
  #id = 0;
  #turn = 0;

  /** @param players those that take connections now */
  constructor(players: () => readonly P[], clock: Clock) {
    this.#players = players;
    this.#clock = clock;
  }

  offer(door: DoorName, socket: Socket): void {
    // Nothing is read of it here, so nothing but its end can come.
    socket.on('error', () => {});
    this.#deal(door, socket);
  }

  /** A process has the connection: the head lets go of it. */
  accepted(id: number): void {
    this.#take(id)?.socket.destroy();
    this.#tellSettled();
  }

  /** A process is gone, and what it had not accepted goes to others. */
  gone(player: P): void {
    for (const [id, { to, door, socket }] of this.#dealt) {
      if (to !== player) continue;
      this.#take(id);
      this.#deal(door, socket);
    }
    this.#sent.delete(player);
    this.#tellSettled();
  }

  /** There may be a process again for those who wait. */
  pump(): void {
    if (this.#players().length === 0) return;
    for (const waiting of [...this.#waiting]) {
      this.#unwait(waiting);
      this.#deal(waiting.door, waiting.socket);
    }
  }

  /** Resolves when every connection has been accepted by a process. Those that wait for one are cut. */
  settled(): Promise<void> {
    for (const waiting of [...this.#waiting]) {
      this.#unwait(waiting);
      waiting.socket.destroy();
    }
    return new Promise((resolve) => {
      this.#settled = resolve;
      this.#tellSettled();
    });
  }

  #deal(door: DoorName, socket: Socket): void {
    const to = this.#choose();
    if (!to) {
      this.#wait(door, socket);
      return;
    }
    const id = ++this.#id;
    this.#dealt.set(id, { door, socket, to });
    this.#sent.set(to, (this.#sent.get(to) ?? 0) + 1);
    to.serve(door, id, socket);
  }

  #take(id: number): Dealt<P> | undefined {
    const dealt = this.#dealt.get(id);
    if (!dealt) return undefined;
    this.#dealt.delete(id);
    this.#sent.set(dealt.to, (this.#sent.get(dealt.to) ?? 1) - 1);
    return dealt;
  }

  /** The fewest connections; among equals each has its turn. */
  #choose(): P | undefined {
    const players = this.#players();
    const load = (player: P) => player.open + (this.#sent.get(player) ?? 0);
    const start = this.#turn++ % Math.max(players.length, 1);
    const inTurn = [...players.slice(start), ...players.slice(0, start)];
    return inTurn.reduce<P | undefined>((best, each) => (best && load(best) <= load(each) ? best : each), undefined);
  }

  #wait(door: DoorName, socket: Socket): void {
    if (this.#waiting.size >= MOST_WAITING || this.#settled) {
      socket.destroy();
      return;
    }
    const cancel = this.#clock.after(LONGEST_WAIT_MS, () => {
      this.#waiting.delete(waiting);
      socket.destroy();
    });
    const waiting: Waiting = { door, socket, cancel };
    this.#waiting.add(waiting);
  }

  #unwait(waiting: Waiting): void {
    waiting.cancel();
    this.#waiting.delete(waiting);
  }

  #tellSettled(): void {
    if (this.#dealt.size === 0) this.#settled?.();
  }
}
