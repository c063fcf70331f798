import { expect, test } from 'vitest';
import { createPressure } from '../../runtime/pressure.ts';
import { FakeClock } from './fake-clock.ts';

/** A loop of which the test says how busy it is. */
function loop() {
  const clock = new FakeClock();
  let [active, idle, waiting] = [0, 0, 0];
  const utilization = (now?: { active: number; idle: number }, before?: { active: number; idle: number }) => {
    if (!now || !before) return { active, idle, utilization: 0 };
    const [ran, slept] = [now.active - before.active, now.idle - before.idle];
    return { active: ran, idle: slept, utilization: ran / (ran + slept) };
  };
  const pressure = createPressure({ clock, waiting: () => waiting, room: 40, utilization });
  return {
    pressure,
    queue: (requests: number) => {
      waiting = requests;
    },
    pass(ms: number, busy: number) {
      clock.advance(ms);
      active += ms * busy;
      idle += ms * (1 - busy);
    },
  };
}

test('a deep queue, at once', () => {
  const { pressure, queue } = loop();
  expect(pressure()).toBe(false);
  queue(10);
  expect(pressure()).toBe(true);
  queue(9);
  expect(pressure()).toBe(false);
});

test('a busy loop, as it was in the last 50 ms', () => {
  const { pressure, pass } = loop();
  pass(60, 0.9);
  expect(pressure()).toBe(true);
  pass(40, 0);
  expect(pressure()).toBe(true);
  pass(20, 0);
  expect(pressure()).toBe(false);
  pass(60, 0.7);
  expect(pressure()).toBe(false);
});

test('what it did long ago, such as loading the model, says nothing', () => {
  const { pressure, pass } = loop();
  pass(5_000, 1);
  expect(pressure()).toBe(false);
  pass(50, 1);
  expect(pressure()).toBe(true);
});
