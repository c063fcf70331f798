import { describe, expect, test } from 'vitest';
import type { EventType } from '../../local/snapshot.ts';
import { VersionKeeper } from '../../local/version-keeper.ts';
import { launch } from './build.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { FakeProcess } from './fake-process.ts';

function keeper() {
  const clock = new FakeClock();
  const processes: FakeProcess[] = [];
  const said: [EventType, string][] = [];
  const kept = new VersionKeeper({
    name: 'v1',
    launch: launch(),
    clock,
    random: () => 0.5,
    start(to, onChange) {
      const process = new FakeProcess(to, onChange);
      processes.push(process);
      return process;
    },
    onChange() {},
    onEnd() {},
    say: (_level, type, message) => said.push([type, message]),
  });
  const last = () => processes.at(-1) as FakeProcess;
  const becomeReady = () => last().becomeReady();
  const crash = async (cause?: string) => {
    last().crash(cause);
    await settle();
  };
  return { clock, processes, said, kept, last, becomeReady, crash };
}

describe('a version is kept alive', () => {
  test('it starts one process, which counts once it is ready', () => {
    const { kept, processes, becomeReady, last } = keeper();
    expect([processes.length, kept.ready]).toEqual([1, undefined]);
    becomeReady();
    expect(kept.ready).toBe(last());
    expect(kept.address).toEqual({ host: '127.0.0.1', http: last().directPort });
  });

  test('a crash takes it from the door at once, and the first restart does not wait', async () => {
    const { kept, processes, clock, becomeReady, crash, said } = keeper();
    becomeReady();
    processes[0]?.crash();
    expect(kept.ready).toBeUndefined();
    await crash();
    await clock.advance(0);
    expect(processes).toHaveLength(2);
    expect(kept.restarts).toBe(1);
    expect(kept.lastEnd?.cause).toBe('ended by SIGKILL');
    expect(said.map(([type]) => type)).toEqual([
      'version-starting',
      'version-ready',
      'version-crashed',
      'version-restarting',
      'version-starting',
    ]);
  });

  test('one that crashes again and again waits longer and longer, up to 30 s', async () => {
    const { processes, clock, becomeReady, crash } = keeper();
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      const before = processes.length;
      becomeReady();
      await crash();
      let waited = 0;
      await clock.advance(0);
      for (; processes.length === before; waited += 500) await clock.advance(500);
      waits.push(waited);
    }
    expect(waits).toEqual([0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  test('a while of health forgives earlier crashes, and the cause is no longer shown', async () => {
    const { kept, processes, clock, becomeReady, crash } = keeper();
    for (let i = 0; i < 3; i++) {
      becomeReady();
      await crash();
      await clock.advance(30_000);
    }
    becomeReady();
    await kept.poll();
    expect(kept.lastEnd).toBeDefined();
    await clock.advance(10_000);
    await kept.poll();
    expect(kept.lastEnd).toBeUndefined();
    await crash();
    await clock.advance(0);
    expect(processes).toHaveLength(5);
  });

  test('a failed load says why, and is tried again', async () => {
    const { kept, processes, clock, crash, said } = keeper();
    await crash('MODEL_NOT_THERE: there is no file /models/v1.onnx');
    expect(kept.failedToStart).toBe(true);
    expect(said.at(-2)).toEqual([
      'version-failed',
      'v1 failed to load: MODEL_NOT_THERE: there is no file /models/v1.onnx',
    ]);
    expect(said.at(-1)?.[1]).toBe('v1 is started again in 0.5 s');
    await clock.advance(500);
    expect(processes).toHaveLength(2);
  });

  test('every later process must load the model that the first one had', async () => {
    const { kept, becomeReady, last, crash, clock } = keeper();
    becomeReady();
    last().answered(1, 'cd'.repeat(32));
    await kept.poll();
    await crash();
    await clock.advance(0);
    expect(last().launch.sha256).toBe('cd'.repeat(32));
  });
});

describe('other settings', () => {
  const changed = launch('v1', { logLevel: 'debug' });

  test('the same settings change nothing', () => {
    const { kept, processes } = keeper();
    kept.update(launch());
    expect(processes).toHaveLength(1);
  });

  test('the new process starts beside the old one and takes over when it is ready; the old one waits to be let go', async () => {
    const { kept, processes, becomeReady } = keeper();
    becomeReady();
    kept.update(changed);
    expect(kept.ready).toBe(processes[0]);
    becomeReady();
    expect(kept.ready).toBe(processes[1]);
    expect([...kept.replaced]).toEqual([processes[0]]);
    processes[0]?.drain();
    processes[0]?.finishDraining();
    await settle();
    expect([...kept.replaced]).toEqual([]);
    expect([kept.restarts, processes.length]).toEqual([0, 2]);
  });

  test('the new process does not come up: the old one serves on, and the cause is shown', async () => {
    const { kept, processes, clock, becomeReady, crash } = keeper();
    becomeReady();
    kept.update(changed);
    await crash('WARMUP_FAILED: no');
    expect(kept.ready).toBe(processes[0]);
    expect(kept.lastEnd?.cause).toMatch('WARMUP_FAILED');
    await clock.advance(500);
    expect(processes).toHaveLength(3);
  });

  test('an edit while it is starting discards what was being started', async () => {
    const { kept, processes, clock, becomeReady } = keeper();
    kept.update(changed);
    await clock.advance(60_000);
    expect(processes).toHaveLength(2);
    expect(processes[0]?.state).toBe('ended');
    becomeReady();
    expect(kept.ready).toBe(processes[1]);
    expect(kept.restarts).toBe(0);
  });

  test('an edit while it waits for its next start is tried at once', async () => {
    const { kept, processes, clock, crash } = keeper();
    await crash();
    await clock.advance(500);
    await crash();
    kept.update(changed);
    expect(processes).toHaveLength(3);
    await clock.advance(60_000);
    expect(processes).toHaveLength(3);
  });

  test('the old one crashes while the new one starts: nothing more is started', async () => {
    const { kept, processes, clock, becomeReady } = keeper();
    becomeReady();
    kept.update(changed);
    processes[0]?.crash();
    await clock.advance(60_000);
    expect(processes).toHaveLength(2);
    becomeReady();
    expect(kept.ready).toBe(processes[1]);
  });
});

test('stopping drains what serves, kills what starts, and restarts nothing', async () => {
  const { kept, processes, clock, becomeReady } = keeper();
  becomeReady();
  kept.update(launch('v1', { logLevel: 'debug' }));
  kept.stop(1_000);
  expect(processes.map(({ state }) => state)).toEqual(['draining', 'ended']);
  processes[0]?.finishDraining();
  await clock.advance(60_000);
  expect([processes.length, kept.alive.size]).toEqual([2, 0]);
});
