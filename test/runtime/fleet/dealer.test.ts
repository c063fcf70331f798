import { Socket } from 'node:net';
import { beforeEach, describe, expect, test } from 'vitest';
import { Dealer, type Player } from '../../../runtime/fleet/dealer.ts';
import { FakeClock } from '../fake-clock.ts';

class FakePlayer implements Player {
  open = 0;
  readonly served: { id: number; socket: Socket }[] = [];
  serve(_door: string, id: number, socket: Socket): void {
    this.served.push({ id, socket });
  }
}

let clock: FakeClock;
let players: FakePlayer[];
let dealer: Dealer<FakePlayer>;

beforeEach(() => {
  clock = new FakeClock();
  players = [new FakePlayer(), new FakePlayer()];
  dealer = new Dealer(() => players, clock);
});

const offer = (times = 1) =>
  Array.from({ length: times }, () => {
    const socket = new Socket();
    dealer.offer('http', socket);
    return socket;
  });
const counts = () => players.map(({ served }) => served.length);
/** The process says that it has the connection. */
function accept(player: FakePlayer, at: number): void {
  player.open++;
  dealer.accepted(player.served[at]?.id as number);
}

describe('dealing', () => {
  test('is even, also while nobody has said yet that it has anything', () => {
    offer(17);
    expect(counts().sort()).toEqual([8, 9]);
  });

  test('the one with fewer connections comes first, until it has as many', () => {
    const [busy, fresh] = players as [FakePlayer, FakePlayer];
    busy.open = 6;
    offer(6);
    expect([busy.served.length, fresh.served.length]).toEqual([0, 6]);
    offer(2);
    expect([busy.served.length, fresh.served.length]).toEqual([1, 7]);
  });

  test('the head lets go of a connection when the process has it, not before', () => {
    const [socket] = offer();
    const player = players.find(({ served }) => served.length === 1) as FakePlayer;
    expect(socket?.destroyed).toBe(false);
    accept(player, 0);
    expect(socket?.destroyed).toBe(true);
  });
});

describe('a process that dies', () => {
  test('what it had not accepted goes to the others; what it had is gone', () => {
    offer(4);
    const [dead, other] = players as [FakePlayer, FakePlayer];
    accept(dead, 0);
    players = [other];
    dealer.gone(dead);
    expect(other.served.length).toBe(3);
    expect(other.served.map(({ socket }) => socket)).toContain(dead.served[1]?.socket);
  });

  test('it was the only one: connections wait for the next', () => {
    players = [];
    const sockets = offer(3);
    const next = new FakePlayer();
    players = [next];
    dealer.pump();
    expect(next.served.map(({ socket }) => socket)).toEqual(sockets);
  });

  test('nobody comes: after 5 s they are cut, as they are when too many wait', async () => {
    players = [];
    const sockets = offer(1_030);
    expect(sockets.filter(({ destroyed }) => destroyed).length).toBe(6);
    await clock.advance(5_000);
    expect(sockets.every(({ destroyed }) => destroyed)).toBe(true);
  });
});

test('it is settled when every connection is with its process, and none is taken in any more', async () => {
  const sockets = offer(2);
  let settled = false;
  const waiting = dealer.settled().then(() => {
    settled = true;
  });
  const [a, b] = players as [FakePlayer, FakePlayer];
  accept(a, 0);
  await Promise.resolve();
  expect(settled).toBe(false);
  accept(b, 0);
  await waiting;
  expect(sockets.every(({ destroyed }) => destroyed)).toBe(true);
  players = [];
  expect(offer()[0]?.destroyed).toBe(true);
});
