import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { FromRuntime } from '../../api/handoff.ts';
import type { Launch } from '../../api/launch.ts';
import { bindDoor, type PublicDoor } from '../../local/listen-handle.ts';
import { forkWith, type Outcome, post, start, startWith } from './child.ts';
import { ask, DIGITS, SERVING, temporaryFolder } from './harness.ts';
import { writeModel } from './onnx-builder.ts';
import { SLOW, slowRequest } from './slow-model.ts';

const DIGIT = { inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64], data: new Array(64).fill(1) }] };

const CUDA = { ...SERVING, session: { ...SERVING.session, executionProviders: ['cuda' as const] } };

describe('a start that fails', () => {
  test.each([
    ['a model that is not there', { uri: 'no/such.onnx' }, /^MODEL_NOT_THERE: .*no\/such\.onnx/],
    ['a model of another digest', { uri: DIGITS, sha256: '0'.repeat(64) }, /^MODEL_DIGEST_MISMATCH: /],
    ['a model that is none', { uri: 'package.json' }, /^MODEL_CORRUPT: /],
    ['a GPU provider that this image lacks', { uri: DIGITS, serving: CUDA }, /^PROVIDER_MISSING: .*'cuda'.*CUDA 12/],
    ['an address that is taken', { entry: '192.0.2.1:80' }, /^ADDRESS_IN_USE: --entry 192\.0\.2\.1:80 /],
  ] as const)('%s: coded words on stderr and in the termination log, exit 1', async (_why, changes, words) => {
    const terminationLog = join(await temporaryFolder(), 'termination-log');
    const { code, stderr } = await startWith({ ...changes, terminationLog }).exit;
    expect(code).toBe(1);
    expect(stderr).toMatch(words);
    expect(await readFile(terminationLog, 'utf8')).toMatch(words);
  });

  test('a command line that is wrong, wherever the termination log stands in it', async () => {
    const terminationLog = join(await temporaryFolder(), 'termination-log');
    const { code, stderr } = await start(['--model', 'm', '--termination-log', terminationLog, '--entry', 'here']).exit;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^LAUNCH_INVALID: .*--version: is missing.*--entry: /);
    expect(await readFile(terminationLog, 'utf8')).toBe(stderr);
  });

  test('last words are cut at 4 KiB', async () => {
    const terminationLog = join(await temporaryFolder(), 'termination-log');
    await startWith({ uri: `${'x'.repeat(200)}/`.repeat(50), terminationLog }).exit;
    expect((await readFile(terminationLog)).length).toBe(4_096);
  });
});

test('words for a death that lets nobody speak lie ready while the model loads', async () => {
  const terminationLog = join(await temporaryFolder(), 'termination-log');
  const silent = net.createServer(() => {}).listen(0, '127.0.0.1');
  onTestFinished(() => void silent.close());
  await once(silent, 'listening');
  const { port } = silent.address() as net.AddressInfo;
  const child = startWith({ uri: `http://127.0.0.1:${port}/model.onnx`, terminationLog });
  await child.logged('listening');
  const words = () => readFile(terminationLog, 'utf8').catch(() => '');
  await expect.poll(words, { timeout: 20_000 }).toMatch(/^LOAD_DIED: /);
  child.process.kill('SIGKILL');
  expect((await child.exit).signal).toBe('SIGKILL');
  expect(await words()).toMatch(/^LOAD_DIED: /);
});

describe('SIGTERM', () => {
  test('loses nothing: all that was in flight or came on open connections is answered, then it exits 0', async () => {
    const terminationLog = join(await temporaryFolder(), 'termination-log');
    const child = startWith({ uri: DIGITS, drainDelayMs: 2_000, terminationLog });
    const { entry, direct } = await child.logged('listening');
    await child.logged('ready');
    const outcomes: Outcome[] = [];
    let stopped = false;
    const client = async (port: unknown) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      while (!stopped) {
        const outcome = await post(port, '/v2/models/m/infer', DIGIT, agent);
        // Nobody is there any more: the next client would be sent elsewhere. It is no request that was taken and lost.
        if (outcome.error === 'ECONNREFUSED') break;
        outcomes.push(outcome);
      }
      agent.destroy();
    };
    const clients = [...Array.from({ length: 6 }, () => client(entry)), client(direct)];
    await expect.poll(() => outcomes.length, { timeout: 20_000 }).toBeGreaterThan(20);
    const before = outcomes.length;
    child.process.kill('SIGTERM');
    const { code, signal } = await child.exit;
    stopped = true;
    await Promise.all(clients);
    expect([code, signal]).toEqual([0, null]);
    expect(outcomes.filter(({ status }) => status !== 200)).toEqual([]);
    expect(outcomes.length).toBeGreaterThan(before + 20);
    // Every connection was told to move, not cut.
    expect(outcomes.filter(({ connection }) => connection === 'close').length).toBe(7);
    expect(await readFile(terminationLog, 'utf8')).toBe('');
  });

  test('a run in flight is finished, and so is what waits behind it', async () => {
    const uri = await writeModel(await temporaryFolder(), SLOW);
    const child = startWith({ uri, serving: { ...SERVING, warmupRequests: 0 } });
    const { entry, admin } = await child.logged('listening');
    await child.logged('ready');
    const replies = Array.from({ length: 5 }, () => post(entry, '/v2/models/m/infer', slowRequest(700)));
    const taken = async () => {
      const { inFlight, versions } = (await ask(`http://127.0.0.1:${admin}/modelship/report`)).json;
      return inFlight + versions.v1.answered;
    };
    await expect.poll(taken, { timeout: 20_000, interval: 5 }).toBe(5);
    child.process.kill('SIGTERM');
    expect((await Promise.all(replies)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect((await child.exit).code).toBe(0);
  });

  test('while the model loads, too', async () => {
    const child = startWith({ uri: 'http://127.0.0.1:1/model.onnx' });
    await child.logged('listening');
    child.process.kill('SIGTERM');
    expect((await child.exit).code).toBe(0);
  });
});

describe('a process that runs', () => {
  test('outlives a flood of connections that leaves no file descriptor', async () => {
    const child = startWith({ uri: DIGITS });
    const { entry } = await child.logged('listening');
    await child.logged('ready');
    const { pid } = child.process;
    const open = execFileSync('ls', [`/proc/${pid}/fd`], { encoding: 'utf8' }).split('\n').length;
    execFileSync('prlimit', [`--pid=${pid}`, `--nofile=${open + 20}:${open + 20}`]);
    const flood = Array.from({ length: 100 }, () => net.connect(Number(entry), '127.0.0.1').on('error', () => {}));
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (const socket of flood) socket.destroy();
    await expect
      .poll(() => post(entry, '/v2/models/m/infer', DIGIT), { timeout: 20_000 })
      .toMatchObject({ status: 200 });
  });

  test('logs a line a request at debug, and none above', async () => {
    for (const [logLevel, lines] of [
      ['debug', 2],
      ['info', 0],
    ] as const) {
      const child = startWith({ uri: DIGITS, logLevel });
      const { entry } = await child.logged('listening');
      await child.logged('ready');
      for (let i = 0; i < 2; i++) await post(entry, '/v2/models/m/infer', DIGIT);
      child.process.kill('SIGTERM');
      await child.exit;
      const requests = child.lines.filter(({ msg }) => msg === 'request');
      expect(requests.length).toBe(lines);
      for (const line of requests) {
        expect(line).toMatchObject({ door: 'entry', method: 'POST', url: '/v2/models/m/infer', status: 200 });
      }
    }
  });
});

/** A public socket as the supervisor binds it: it accepts nothing by itself. */
async function publicSocket(): Promise<PublicDoor> {
  const door = await bindDoor('127.0.0.1', 0);
  onTestFinished(() => door.close());
  return door;
}

describe('under a supervisor', () => {
  async function supervised(changes: Partial<Launch> = {}) {
    const child = forkWith({ entry: 'none', ...changes });
    const messages: FromRuntime[] = [];
    child.process.on('message', (message) => messages.push(message as FromRuntime));
    const heard = async <T extends FromRuntime['type']>(type: T) => {
      await expect.poll(() => messages.some((message) => message.type === type), { timeout: 20_000 }).toBe(true);
      const at = messages.findIndex((message) => message.type === type);
      return messages.splice(at, 1)[0] as Extract<FromRuntime, { type: T }>;
    };
    return { ...child, heard };
  }

  test('it says where it listens and when it is ready', async () => {
    const child = await supervised();
    const { direct, admin } = await child.heard('listening');
    await child.heard('ready');
    expect((await fetch(`http://127.0.0.1:${admin}/readyz`)).status).toBe(200);
    expect((await post(direct, '/v2/models/m/infer', DIGIT)).status).toBe(200);
  });

  test('it tells each table that comes into force', async () => {
    const folder = await temporaryFolder();
    const table = join(folder, 'traffic.json');
    const at = async (revision: number) => {
      const versions = [{ name: 'v1', share: 10_000, ranges: [[0, 10_000]] }];
      await writeFile(`${table}.new`, JSON.stringify({ model: 'm', revision, primary: 'v1', versions }));
      await rename(`${table}.new`, table);
    };
    await at(1);
    const child = await supervised({ table });
    expect((await child.heard('table')).revision).toBe(1);
    await at(2);
    expect((await child.heard('table')).revision).toBe(2);
  });

  test('the public socket moves between two processes, there and back, and no request fails', async () => {
    const { handle, port } = await publicSocket();
    const children = [await supervised({ version: 'v1' }), await supervised({ version: 'v2' })];
    for (const child of children) await child.heard('ready');
    const outcomes: Outcome[] = [];
    let stopped = false;
    const client = async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      while (!stopped) outcomes.push(await post(port, '/v2/models/m/infer', DIGIT, agent));
      agent.destroy();
    };
    const take = async (child: (typeof children)[number]) => {
      child.process.send({ type: 'take', door: 'http' }, handle as never);
      await child.heard('taken');
    };
    const release = async (child: (typeof children)[number]) => {
      child.process.send({ type: 'release' });
      await child.heard('released');
    };
    const [a, b] = children as [(typeof children)[number], (typeof children)[number]];
    await take(a);
    const clients = Array.from({ length: 4 }, client);
    const more = () => {
      const enough = outcomes.length + 40;
      return expect.poll(() => outcomes.length, { timeout: 20_000, interval: 5 }).toBeGreaterThan(enough);
    };
    for (let round = 0; round < 3; round++) {
      await more();
      await take(b);
      await release(a);
      await more();
      await take(a);
      await release(b);
    }
    stopped = true;
    await Promise.all(clients);
    expect(outcomes.filter(({ status }) => status !== 200)).toEqual([]);
    a.process.send({ type: 'drain', lameDuck: 100 });
    expect((await a.exit).code).toBe(0);
  });

  test('it does not outlive its supervisor', async () => {
    const child = await supervised();
    await child.heard('ready');
    child.process.disconnect();
    expect((await child.exit).code).toBe(0);
  });
});
