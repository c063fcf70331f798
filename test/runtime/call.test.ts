/** What the inference path is told of a caller that hung up. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { callOf } from '../../runtime/routes/protocol.ts';

/** A request at its handler, and how to end it from the caller's side. */
async function arrived() {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const caller = request({ port: (server.address() as AddressInfo).port });
  caller.on('error', () => {});
  caller.end();
  const [incoming, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
  let told = 0;
  const listen = () => callOf(incoming, response, {}).onGone(() => told++);
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { caller, response, listen, settled, told: () => told };
}

test('who listens is told once, and no more once it has stopped', async () => {
  const { caller, response, listen, told } = await arrived();
  listen();
  listen()();
  caller.destroy();
  await once(response, 'close');
  expect(told()).toBe(1);
});

test('who listens only after the hang-up, as once a body is inflated, is told too', async () => {
  const { caller, response, listen, settled, told } = await arrived();
  caller.destroy();
  await once(response, 'close');
  listen();
  listen()();
  expect(told()).toBe(0);
  await settled();
  expect(told()).toBe(1);
});

test('an answer that was sent is no hang-up', async () => {
  const { response, listen, settled, told } = await arrived();
  listen();
  response.end('done');
  await once(response, 'close');
  listen();
  await settled();
  expect(told()).toBe(0);
});
