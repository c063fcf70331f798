/** One contract for the fake runtime of these tests and the real one. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Launch } from '../../api/launch.ts';
import { type Clock, realClock } from '../../local/clock.ts';
import { bindDoor, type PublicDoor } from '../../local/listen-handle.ts';
import { ChildRuntime } from '../../local/process.ts';
import { readReport } from '../../local/report-reader.ts';
import { launch } from './build.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const REQUEST = readFileSync(join(ROOT, 'examples/digits/request.json'));

let folder: string;
let door: PublicDoor;
const started: ChildRuntime[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'modelship-test-'));
  door = await bindDoor('127.0.0.1', 0);
});

afterEach(async () => {
  for (const process of started) process.kill();
  await Promise.all(started.splice(0).map((process) => process.ended));
  door.close();
  rmSync(folder, { recursive: true, force: true });
});

/** As patient as a machine is busy: what a process is given to answer, or its pipes to close, is ten times as long. */
const clock: Clock = { now: realClock.now, after: (ms, callback) => realClock.after(10 * ms, callback) };

/** One request on a connection of its own. @returns the version that answered */
function ask(): Promise<string> {
  return new Promise((done, failed) => {
    const to = { method: 'POST', port: door.port, path: '/v2/models/digits/infer', agent: false };
    const asking = request({ ...to, headers: { 'content-type': 'application/json' } }, (response) => {
      response.resume();
      done(String(response.headers['modelship-version']));
    });
    asking.on('error', failed);
    asking.end(REQUEST);
  });
}

function contract(name: string, script: string, models: { ok: string; missing: string }): void {
  describe(name, () => {
    let changed: (() => void)[] = [];

    function start(more: Partial<Launch> = {}): ChildRuntime {
      const terminationLog = join(folder, `${started.length}.last-words`);
      const child = new ChildRuntime({
        launch: launch('v1', { uri: models.ok, terminationLog, ...more }),
        script,
        logFile: join(folder, 'v1.log'),
        clock,
        readReport,
        onChange: () => {
          for (const check of changed) check();
        },
      });
      started.push(child);
      return child;
    }

    /** Resolves when it holds; asked again at each change. */
    function until(holds: () => boolean): Promise<void> {
      return new Promise((done) => {
        const check = () => {
          if (holds()) done();
        };
        changed = [...changed, check];
        check();
      });
    }

    const ready = async (more?: Partial<Launch>) => {
      const child = start(more);
      await until(() => child.state === 'ready');
      return child;
    };

    test('it becomes ready, with its ports known, and reports what it is', async () => {
      const child = await ready();
      expect(child.directPort).toBeGreaterThan(0);
      await expect.poll(() => child.poll(), { timeout: 20_000 }).toBe(true);
      expect(child.report).toMatchObject({ version: 'v1', ready: true });
    });

    test('it takes the public socket, releases it to another, and drains', async () => {
      const [first, second] = await Promise.all([ready(), ready({ version: 'v2' })]);
      await first.take('http', door.handle);
      expect(await ask()).toBe('v1');
      await second.take('http', door.handle);
      first.release();
      first.drain(0);
      const end = await first.ended;
      expect(end).toEqual({ cause: 'exited with code 0', wasReady: true, asked: true });
      for (let i = 0; i < 5; i++) expect(await ask()).toBe('v2');
    });

    test('connections wait while nobody accepts, and the next process answers them', async () => {
      const first = await ready();
      await first.take('http', door.handle);
      process.kill(first.pid as number, 'SIGKILL');
      expect(await first.ended).toEqual({ cause: 'ended by SIGKILL', wasReady: true, asked: false });
      const waiting = ask();
      const second = await ready({ version: 'v2' });
      await second.take('http', door.handle);
      expect(await waiting).toBe('v2');
    });

    test('it tells which table is in force', async () => {
      const table = join(folder, 'traffic.json');
      const child = await ready({ table });
      const content = { model: 'digits', revision: 7, primary: 'v1' };
      writeFileSync(
        table,
        JSON.stringify({ ...content, versions: [{ name: 'v1', share: 10_000, ranges: [[0, 10_000]] }] }),
      );
      await until(() => child.revision === 7);
    });

    test('a model that is not there ends it with its code and its words', async () => {
      const end = await start({ uri: models.missing }).ended;
      expect(end).toMatchObject({ code: 'MODEL_NOT_THERE', wasReady: false, asked: false });
      expect(end.cause).toMatch(/^MODEL_NOT_THERE: there is no file /);
    });

    test('a process that has ended takes no socket', async () => {
      const child = await ready();
      child.kill();
      await child.ended;
      await expect(child.take('http', door.handle)).rejects.toThrow(
        'v1 did not take the public http socket: it has ended',
      );
    });
  });
}

contract('the fake runtime', resolve(import.meta.dirname, 'fake-runtime.ts'), { ok: 'ok', missing: 'missing' });
contract('the real runtime', join(ROOT, 'runtime/main.ts'), {
  ok: join(ROOT, 'examples/digits/models/1/model.onnx'),
  missing: join(ROOT, 'examples/digits/models/none.onnx'),
});

test('without last words the cause is the end of what it wrote, which is in its log too', async () => {
  const logFile = join(folder, 'v1.log');
  const child = new ChildRuntime({
    launch: launch('v1', { uri: 'crash' }),
    script: resolve(import.meta.dirname, 'fake-runtime.ts'),
    logFile,
    clock,
    readReport,
    onChange() {},
  });
  started.push(child);
  expect((await child.ended).cause).toBe('exited with code 1: the end of what it wrote');
  expect(readFileSync(logFile, 'utf8')).toContain('the end of what it wrote');
});
