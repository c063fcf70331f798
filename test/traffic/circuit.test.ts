import { describe, expect, test } from 'vitest';
import { Circuit } from '../../runtime/traffic/circuit.ts';
import fc from '../properties.ts';
import { FakeClock, rigWith, tableOf, until, upstream, user, writeTable } from './support.ts';

function opened(): { circuit: Circuit; clock: FakeClock } {
  const clock = new FakeClock();
  const circuit = new Circuit(clock);
  for (let i = 0; i < 5; i++) circuit.failed(circuit.enter() as number);
  return { circuit, clock };
}

describe('a circuit', () => {
  test('opens after five failures in a row, not four, and a success starts the count anew', () => {
    const circuit = new Circuit(new FakeClock());
    for (const outcome of 'ffffsffff') {
      const ticket = circuit.enter() as number;
      if (outcome === 'f') circuit.failed(ticket);
      else circuit.succeeded(ticket);
    }
    expect(circuit.state).toBe('closed');
    circuit.failed(circuit.enter() as number);
    expect(circuit.state).toBe('open');
    expect(circuit.enter()).toBeUndefined();
  });

  test('stays open 1, 2, 4 … 30 s, and lets one request through after each', () => {
    const { circuit, clock } = opened();
    for (const seconds of [1, 2, 4, 8, 16, 30, 30, 30]) {
      clock.advance(seconds * 1_000 - 1);
      expect(circuit.enter()).toBeUndefined();
      clock.advance(1);
      const trial = circuit.enter();
      expect(trial).toBeDefined();
      expect(circuit.enter()).toBeUndefined();
      circuit.failed(trial as number);
    }
  });

  test('closes when the trial succeeds, and starts again from 1 s', () => {
    const { circuit, clock } = opened();
    clock.advance(1_000);
    circuit.failed(circuit.enter() as number);
    clock.advance(2_000);
    circuit.succeeded(circuit.enter() as number);
    expect(circuit.state).toBe('closed');
    for (let i = 0; i < 5; i++) circuit.failed(circuit.enter() as number);
    clock.advance(1_000);
    expect(circuit.enter()).toBeDefined();
  });

  test('whose trial ended without a word tries the next request', () => {
    const { circuit, clock } = opened();
    clock.advance(1_000);
    circuit.abandoned(circuit.enter() as number);
    expect(circuit.enter()).toBeDefined();
  });

  test('takes no news from requests that were let through in an earlier period', () => {
    const clock = new FakeClock();
    const circuit = new Circuit(clock);
    const early = Array.from({ length: 8 }, () => circuit.enter() as number);
    for (const ticket of early.slice(0, 5)) circuit.failed(ticket);
    for (const ticket of early.slice(5, 7)) circuit.succeeded(ticket);
    expect(circuit.state).toBe('open');
    clock.advance(1_000);
    const trial = circuit.enter() as number;
    circuit.failed(early[7] as number);
    expect(circuit.state).toBe('trial');
    circuit.succeeded(trial);
    expect(circuit.state).toBe('closed');
  });

  test('never lets two trials through at once, and never stays shut for more than 30 s', () => {
    const events = fc.array(fc.oneof(fc.constantFrom('enter', 'succeed', 'fail', 'abandon'), fc.nat(40_000)), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(events, (all) => {
        const clock = new FakeClock();
        const circuit = new Circuit(clock);
        let tickets: { ticket: number; trial: boolean }[] = [];
        for (const event of all) {
          if (typeof event === 'number') clock.advance(event);
          else if (event === 'enter') {
            const ticket = circuit.enter();
            if (ticket !== undefined) tickets.push({ ticket, trial: circuit.state === 'trial' });
            expect(tickets.filter(({ trial }) => trial).length).toBeLessThanOrEqual(1);
          } else {
            const done = tickets.pop();
            if (!done) continue;
            if (event === 'succeed') circuit.succeeded(done.ticket);
            else if (event === 'fail') circuit.failed(done.ticket);
            else circuit.abandoned(done.ticket);
          }
        }
        for (const { ticket } of tickets.reverse()) circuit.abandoned(ticket);
        tickets = [];
        clock.advance(30_000);
        expect(circuit.enter()).toBeDefined();
      }),
    );
  });
});

describe('the circuit of a version', () => {
  test('keeps requests away, counts them as open, and closes when the version is back', async () => {
    let broken = true;
    const server = await upstream((_, response) => response.writeHead(broken ? 500 : 200).end('v2'));
    const clock = new FakeClock();
    const rig = await rigWith(tableOf({ shares: { v1: 0, v2: 10_000 }, at: { v2: server.port } }), { clock });
    const v2 = rig.book.of('v2');
    for (let i = 0; i < 20; i++) expect((await rig.send()).body).toBe('own v1');
    expect(server.requests).toBe(5);
    expect(v2).toMatchObject({ routed: 20, forwarded: 5, failed: 5, shielded: { error: 5, open: 15 } });
    expect(rig.logged.filter((line) => line.includes('left alone'))).toHaveLength(1);

    clock.advance(1_000);
    for (let i = 0; i < 10; i++) await rig.send();
    expect(v2).toMatchObject({ forwarded: 6, shielded: { error: 6, open: 24 } });

    broken = false;
    clock.advance(2_000);
    for (let i = 0; i < 10; i++) expect(String((await rig.send()).body)).toBe('v2');
    expect(v2).toMatchObject({ forwarded: 16, failed: 6 });
    expect(rig.logged).toContain('the version answers again');
  });

  test('does not hold for requests that name the version', async () => {
    const server = await upstream((_, response) => response.writeHead(500).end());
    const rig = await rigWith(tableOf({ shares: { v1: 0, v2: 10_000 }, at: { v2: server.port } }));
    for (let i = 0; i < 10; i++) await rig.send();
    for (let i = 0; i < 10; i++) expect((await rig.send({ pinned: 'v2' })).status).toBe(500);
    expect(server.requests).toBe(15);
  });

  test('is kept over a new table, and forgotten when the version moves to another address', async () => {
    const down = await upstream((_, response) => response.writeHead(500).end());
    const up = await upstream((_, response) => response.end('v2'));
    const clock = new FakeClock();
    const table = tableOf({ shares: { v1: 0, v2: 10_000 }, at: { v2: down.port } });
    const rig = await rigWith(table, { clock });
    for (let i = 0; i < 5; i++) await rig.send();
    await writeTable(rig.file, { ...table, revision: 2 });
    await until(() => rig.traffic.table()?.revision === 2);
    await rig.send();
    expect(down.requests).toBe(5);
    await writeTable(rig.file, tableOf({ shares: { v1: 0, v2: 10_000 }, at: { v2: up.port }, revision: 3 }));
    await until(() => rig.traffic.table()?.revision === 3);
    expect(String((await rig.send()).body)).toBe('v2');
  });

  test('opens for no user who hangs up, and a trial whose user hangs up gives way to the next', async () => {
    const server = await upstream(() => {});
    const clock = new FakeClock();
    const rig = await rigWith(tableOf({ shares: { v1: 0, v2: 10_000 }, at: { v2: server.port } }), { clock });
    const hangUpOnce = async () => {
      const { requests } = server;
      const { onGone, hangUp } = user();
      const answer = rig.send({ onGone });
      await until(() => server.requests > requests);
      hangUp();
      return answer;
    };
    for (let i = 0; i < 8; i++) expect((await hangUpOnce()).status).toBe(499);
    for (let i = 0; i < 5; i++) {
      const answer = rig.send();
      await until(() => server.requests === 9 + i);
      clock.advance(5_000);
      expect((await answer).body).toBe('own v1');
    }
    clock.advance(1_000);
    expect((await hangUpOnce()).status).toBe(499);
    expect((await hangUpOnce()).status).toBe(499);
    expect(rig.book.of('v2')).toMatchObject({ failed: 5, shielded: { timeout: 5, open: 0 } });
  });
});
