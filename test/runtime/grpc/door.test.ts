import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';
import type * as grpc from '@grpc/grpc-js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { realClock } from '../../../runtime/clock.ts';
import { GrpcDoor, type GrpcHandler } from '../../../runtime/grpc/door.ts';
import { framed } from '../../../runtime/grpc/frames.ts';
import { encode, FLAG } from '../../../runtime/grpc/messages.ts';
import { FakeClock } from '../fake-clock.ts';
import { connection, frame, send } from './raw.ts';
import { clientOf, failureOf, held, INFERENCE, runGrpc, runHeld } from './support.ts';

describe('the life of a door', () => {
  test('drains: what is in flight is answered, nothing new is let in', async () => {
    const { client, server, entryGrpc, waiting, finish } = await runHeld();
    const inFlight = [1, 2, 3].map((value) => client.call('ModelInfer', held(value)));
    await waiting(3);
    expect(server.report().inFlight).toBe(3);
    const closed = server.close(50);
    await expect
      .poll(() => failureOf(clientOf(entryGrpc, INFERENCE).call('ServerLive')).then((f) => f.status), {
        timeout: 20_000,
      })
      .toBe('UNAVAILABLE');
    await finish();
    const answers = await Promise.all(inFlight);
    expect(answers.map(({ message }) => message.outputs[0].contents.fp32_contents[0])).toEqual([1, 2, 3]);
    await closed;
  });

  test('a call that never ends is cut at the limit', async () => {
    const door = doorOf(() => {});
    const port = await door.listen('127.0.0.1:0');
    const call = send(connection(`127.0.0.1:${port}`), frame(Buffer.alloc(0)));
    await expect.poll(() => door.inFlight, { timeout: 20_000 }).toBe(1);
    await door.drain(0, 100);
    expect((await call).grpc).toBeUndefined();
  });

  test('serves connections that another process accepted', async () => {
    const door = doorOf((call) => call.receiveOne(() => call.reply(encode(FLAG, { flag: true }))));
    const acceptor = createServer((socket: Socket) => door.admit(socket)).listen(0, '127.0.0.1');
    onTestFinished(() => void acceptor.close());
    await once(acceptor, 'listening');
    const { port } = acceptor.address() as { port: number };
    const client = clientOf(`127.0.0.1:${port}`, INFERENCE);
    expect((await client.call('ServerLive')).message).toEqual({ live: true });
    await door.drain(0, 5_000);
    expect((await failureOf(client.call('ServerLive'))).status).toBe('UNAVAILABLE');
  });
});

/** A door by itself. */
function doorOf(handler: GrpcHandler): GrpcDoor {
  const unforeseen = (error: unknown) => {
    throw error;
  };
  const options = { clock: realClock, requestTimeoutMs: 30_000, messageBytes: 2 ** 20, version: 'v1', warn() {} };
  const door = new GrpcDoor({ ...options, unforeseen });
  door.handler = handler;
  onTestFinished(() => door.drain(0, 0));
  return door;
}

describe('what is no gRPC', () => {
  test.each([
    ['another method', { ':method': 'GET' }, 405],
    ['JSON', { 'content-type': 'application/json' }, 415],
    ['gRPC-Web', { 'content-type': 'application/grpc-web' }, 415],
    ['nothing', { 'content-type': '' }, 415],
  ])('%s is refused by HTTP', async (_, headers, status) => {
    const { entryGrpc } = await runGrpc({ load: false });
    expect((await send(connection(entryGrpc), Buffer.from('{}'), headers)).status).toBe(status);
  });

  test('another content type of gRPC is taken', async () => {
    const { entryGrpc } = await runGrpc({ load: false });
    const headers = { ':path': '/inference.GRPCInferenceService/ServerLive', 'content-type': 'application/grpc+proto' };
    expect(await send(connection(entryGrpc), frame(Buffer.alloc(0)), headers)).toMatchObject({ grpc: '0' });
  });

  test('a method that is not there is UNIMPLEMENTED', async () => {
    const { entryGrpc } = await runGrpc({ load: false });
    const answer = await send(connection(entryGrpc), frame(Buffer.alloc(0)), { ':path': '/a.B/C' });
    expect(answer).toMatchObject({ status: 200, grpc: '12', message: 'there is no method /a.B/C' });
  });

  test('HTTP/1.1 ends the connection, and no other', async () => {
    const { client, entryGrpc } = await runGrpc({ load: false });
    const socket = dial(Number(entryGrpc.split(':')[1]), '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await once(socket, 'close');
    expect((await client.call('ServerLive')).message).toEqual({ live: true });
  });
});

describe('a message', () => {
  const limits = { serving: { limits: { bodyBytes: 1_000 } }, load: false };

  test.each([
    ['larger than the limit, by its prefix alone', frame(Buffer.alloc(0), { length: 1_001 }), '8', 'BODY_TOO_LARGE'],
    ['of 4 GiB, by its prefix alone', frame(Buffer.alloc(0), { length: 2 ** 32 - 1 }), '8', 'BODY_TOO_LARGE'],
    ['with a flag that is none', frame(Buffer.alloc(0), { flag: 2 }), '3', 'INVALID_REQUEST'],
    ['followed by another', Buffer.concat([frame(Buffer.alloc(0)), frame(Buffer.alloc(3))]), '3', 'INVALID_REQUEST'],
  ])('%s is refused before the call ends', async (_, body, grpc, code) => {
    const { entryGrpc } = await runGrpc(limits);
    expect(await send(connection(entryGrpc), body, {}, false)).toMatchObject({ status: 200, grpc, code });
  });

  test.each([
    ['that is not there', Buffer.alloc(0), /no message/],
    ['cut in its prefix', Buffer.alloc(3), /half a message/],
    ['cut in the middle', frame(Buffer.alloc(3), { length: 4 }), /half a message/],
    ['compressed, of a call that says nothing of it', frame(Buffer.alloc(3), { flag: 1 }), /no grpc-encoding/],
  ])('%s is refused', async (_, body, message) => {
    const { entryGrpc } = await runGrpc(limits);
    const answer = await send(connection(entryGrpc), body);
    expect(answer).toMatchObject({ grpc: '3', code: 'INVALID_REQUEST', message: expect.stringMatching(message) });
  });

  test('in an encoding that is not known is UNIMPLEMENTED, with those that are', async () => {
    const { entryGrpc } = await runGrpc(limits);
    const answer = await send(connection(entryGrpc), frame(Buffer.alloc(1), { flag: 1 }), { 'grpc-encoding': 'br' });
    expect(answer).toMatchObject({ grpc: '12', code: 'UNSUPPORTED_MEDIA_TYPE' });
    expect(answer.headers['grpc-accept-encoding']).toBe('identity,gzip,deflate');
  });

  test('of a call with a time that cannot be read is refused', async () => {
    const { entryGrpc } = await runGrpc(limits);
    const answer = await send(connection(entryGrpc), frame(Buffer.alloc(0)), { 'grpc-timeout': 'soon' });
    expect(answer).toMatchObject({ grpc: '3', message: expect.stringMatching(/grpc-timeout is "soon"/) });
  });

  test('that does not come whole in time is given up', async () => {
    const clock = new FakeClock();
    const { entryGrpc, server } = await runGrpc({ clock, load: false });
    const answer = send(connection(entryGrpc), frame(Buffer.alloc(3), { length: 4 }), {}, false);
    await expect.poll(() => server.report().inFlight, { timeout: 20_000 }).toBe(1);
    const waiting = setInterval(() => clock.advance(1_000), 5);
    expect(await answer).toMatchObject({ grpc: '4', code: 'REQUEST_TOO_SLOW' });
    expect(clock.now()).toBeGreaterThanOrEqual(30_000);
    await server.close(0);
    clearInterval(waiting);
  });

  test('that goes on after it was refused ends with its stream', async () => {
    const clock = new FakeClock();
    const { entryGrpc, server } = await runGrpc({ clock, load: false });
    const answer = await send(connection(entryGrpc), frame(Buffer.alloc(0), { flag: 9 }), {}, false);
    expect(answer.code).toBe('INVALID_REQUEST');
    expect(server.report().inFlight).toBe(1);
    for (let second = 0; second < 3; second++) clock.advance(1_000);
    await expect.poll(() => server.report().inFlight, { timeout: 20_000 }).toBe(0);
    // Time goes on while it closes.
    const passing = setInterval(() => clock.advance(1_000), 5);
    await server.close(0);
    clearInterval(passing);
  });

  test('whose caller has no time left is not run', async () => {
    const { entryGrpc, runner, finish } = await runHeld();
    const { requestSerialize } = INFERENCE.ModelInfer as grpc.MethodDefinition<object, object>;
    const body = framed(requestSerialize(held(1)));
    const session = connection(entryGrpc);
    const first = send(session, body);
    await expect.poll(() => runner.pending, { timeout: 20_000 }).toBe(1);
    expect(await send(session, body, { 'grpc-timeout': '0m' })).toMatchObject({ grpc: '4', code: 'REQUEST_TIMEOUT' });
    await finish();
    expect((await first).grpc).toBe('0');
  });
});
