/** How long a door bears with a connection, and how it ends. */
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../fake-clock.ts';
import { held, OTHER, openDoor, plain } from './support.ts';

describe('a connection that waits', () => {
  const half = plain('hello').slice(0, -1);
  test.each([
    ['for its first request', '', 60_000, 20_000, /408 Refused.*REQUEST_TOO_SLOW/s],
    ['for the rest of a body', half, 60_000, 60_000, /408 Refused.*REQUEST_TOO_SLOW/s],
    ['for the rest of a body that may take long', half, 120_000, 120_000, /408 Refused.*REQUEST_TOO_SLOW/s],
    ['for the next request', plain('hello'), 60_000, 75_000, /plain hello$/],
  ])('%s too long is ended, and not before', async (_name, sent, requestTimeoutMs, limitMs, said) => {
    const clock = new FakeClock();
    const { call, door } = await openDoor({ clock, requestTimeoutMs });
    const { socket, closed, hears, heard } = call();
    socket.write(sent);
    await expect.poll(() => clock.pending).toBeGreaterThan(0);
    if (sent === half) await expect.poll(() => door.inFlight).toBe(1);
    else if (sent) await hears(said);
    const before = heard();
    clock.advance(limitMs);
    // What the door would have said by now would be here before what it says to another caller.
    const other = call();
    other.socket.write(plain('other'));
    await other.hears(/plain other$/);
    expect([heard(), socket.readableEnded]).toEqual([before, false]);
    clock.advance(2_000);
    await closed;
    expect(heard()).toMatch(said);
  });

  test('and was refused takes no more requests', async () => {
    const clock = new FakeClock();
    const { call, door } = await openDoor({ clock });
    const { socket, hears, heard } = call();
    await expect.poll(() => clock.pending).toBeGreaterThan(0);
    clock.advance(22_000);
    await hears(/408 Refused/);
    socket.write(OTHER + plain('one'));
    const other = call();
    other.socket.write(plain('other'));
    await other.hears(/plain other$/);
    expect([heard().match(/HTTP/g)?.length, door.inFlight]).toEqual([1, 0]);
  });
});

test('who is refused and does not hang up is cut: a drain does not wait for it for long', async () => {
  const { call, door } = await openDoor();
  const { socket, hears } = call();
  socket.allowHalfOpen = true;
  socket.write('\0\r\n\r\n');
  await hears(/400 Refused/);
  await door.drain(0, 3_600_000);
});

describe('the end of a door', () => {
  test('a plain connection is told to close with its next answer', async () => {
    const { call, door } = await openDoor();
    const { socket, hears, closed } = call();
    socket.write(plain('one'));
    await hears(/connection: keep-alive.*plain one$/s);
    door.release();
    socket.write(plain('two'));
    await hears(/connection: close.*plain two$/s);
    await closed;
  });

  test('a drain waits for answers, closes who is idle, and lets in nobody', async () => {
    const { serve, next } = held();
    const { call, door } = await openDoor({ serve });
    const [idle, busy, halfway, silent] = [call(), call(), call(), call()];
    idle.socket.write(plain('one'));
    (await next()).answer('one');
    await idle.hears(/one$/);
    busy.socket.write(plain('two'));
    const late = await next();
    halfway.socket.write(plain('three').slice(0, -1));
    await expect.poll(() => silent.socket.connecting).toBe(false);
    let drained = false;
    const draining = door.drain(0, 60_000).then(() => {
      drained = true;
    });
    await Promise.all([idle.closed, silent.closed]);
    halfway.socket.write('e');
    (await next()).answer('three');
    await halfway.hears(/connection: close.*three$/s);
    expect(drained).toBe(false);
    late.answer('two');
    await busy.hears(/connection: close.*two$/s);
    await draining;
    const refused = call();
    await refused.closed;
  });

  test('what never ends is cut at the limit', async () => {
    const { call, door } = await openDoor({ serve: () => new Promise(() => {}) });
    const { socket, closed } = call();
    socket.write(plain('one'));
    await expect.poll(() => door.inFlight).toBe(1);
    await door.drain(0, 50);
    await closed;
  });
});
