/** Whole processes: a public gRPC socket that moves between them, and a SIGTERM under load. */
import { expect, onTestFinished, test } from 'vitest';
import type { FromRuntime } from '../../../api/handoff.ts';
import { bindDoor } from '../../../local/listen-handle.ts';
import { forkWith, startWith } from '../child.ts';
import { DIGITS, servingWith } from '../harness.ts';
import { type Client, clientOf, INFERENCE, rawDigits } from './support.ts';

const serving = servingWith({ protocols: ['rest', 'grpc'], execution: { processes: 1 } });

/** Calls one after the other on each of some connections, until it is told to stop. */
function load(address: string, connections: number) {
  const heard: string[] = [];
  let stopped = false;
  const loop = async (client: Client) => {
    while (!stopped) {
      const answer = await client.call('ModelInfer', rawDigits()).catch((error: Error) => error.message);
      heard.push(typeof answer === 'string' ? answer : answer.message.model_version);
    }
  };
  const loops = Array.from({ length: connections }, () => loop(clientOf(address, INFERENCE)));
  const stop = async () => {
    stopped = true;
    await Promise.all(loops);
  };
  return { heard, stop };
}

test('the public socket goes from one process to the other, and back, without a call lost', async () => {
  const socket = await bindDoor('127.0.0.1', 0);
  onTestFinished(() => socket.close());
  const started = async (version: string) => {
    const child = forkWith({ uri: DIGITS, version, serving, entryGrpc: 'none', directGrpc: '127.0.0.1:0' });
    const messages: FromRuntime[] = [];
    child.process.on('message', (message) => messages.push(message as FromRuntime));
    const heard = (type: FromRuntime['type']) => {
      const found = () => messages.splice(messages.findIndex((each) => each.type === type) >>> 0, 1).length;
      return expect.poll(found, { timeout: 20_000 }).toBe(1);
    };
    await child.logged('ready');
    const take = async () => {
      child.process.send({ type: 'take', door: 'grpc' }, socket.handle as never);
      await heard('taken');
    };
    const release = async () => {
      child.process.send({ type: 'release' });
      await heard('released');
    };
    return { ...child, take, release };
  };
  const [a, b] = await Promise.all([started('a'), started('b')]);
  await a.take();
  const { heard, stop } = load(`127.0.0.1:${socket.port}`, 4);
  const settled = (version: string) => {
    const only = () => heard.length > 50 && heard.slice(-20).every((each) => each === version);
    return expect.poll(only, { timeout: 20_000 }).toBe(true);
  };
  await settled('a');
  for (const [to, from, name] of [[b, a, 'b'] as const, [a, b, 'a'] as const]) {
    await to.take();
    await from.release();
    await settled(name);
  }
  b.process.send({ type: 'drain', lameDuck: 0 });
  expect((await b.exit).code).toBe(0);
  await stop();
  expect(heard.filter((each) => each !== 'a' && each !== 'b')).toEqual([]);
});

test('SIGTERM loses no call that was taken', async () => {
  const child = startWith({ uri: DIGITS, serving, entryGrpc: '127.0.0.1:0', drainDelayMs: 100 });
  const { entryGrpc } = await child.logged('listening');
  await child.logged('ready');
  const { heard, stop } = load(`127.0.0.1:${entryGrpc}`, 4);
  await expect.poll(() => heard.length, { timeout: 20_000 }).toBeGreaterThan(50);
  child.process.kill('SIGTERM');
  expect((await child.exit).code).toBe(0);
  await stop();
  // Nobody listens any more: in a cluster the next call would go to another pod.
  const nobody = /ECONNREFUSED/;
  expect(heard.filter((each) => each !== 'v1' && !nobody.test(each))).toEqual([]);
});
