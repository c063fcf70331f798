/** A door whose connections another process accepted: it does for them what it does for its own. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { realClock } from '../../../runtime/clock.ts';
import { Door, type Handler } from '../../../runtime/http1/door.ts';

const GET = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';

/** A door, and a way to its callers' connections. */
async function fedDoor(handler: Handler, requestTimeoutMs = 10_000) {
  const door = new Door({ clock: realClock, requestTimeoutMs, warn() {} });
  door.handler = handler;
  const acceptor = createServer((socket) => door.admit(socket)).listen(0, '127.0.0.1');
  await once(acceptor, 'listening');
  onTestFinished(async () => {
    acceptor.close();
    await door.drain(0, 0);
  });
  const call = () => connect((acceptor.address() as AddressInfo).port, '127.0.0.1');
  return { door, call };
}

const answer: Handler = (_request, response) => void response.end('done');
const read = async (socket: Socket) => String((await once(socket, 'data'))[0]);

describe('a connection that is handed in', () => {
  test('is served, again and again', async () => {
    const { call } = await fedDoor(answer);
    const socket = call();
    for (let i = 0; i < 3; i++) {
      socket.write(GET);
      expect(await read(socket)).toMatch(/^HTTP\/1\.1 200 .*connection: keep-alive.*done/is);
    }
  });

  test('is cut when its request does not come whole in time', async () => {
    const { call } = await fedDoor(answer, 100);
    const socket = call();
    socket.write('GET / HTTP/1.1\r\nhost: x\r\nsome: ');
    expect(await read(socket)).toMatch(/^HTTP\/1\.1 408 .*REQUEST_TOO_SLOW/s);
  });

  test('is told to move with its next answer after a release; those that come later stay', async () => {
    const { door, call } = await fedDoor(answer);
    const [before, later] = [call(), call()];
    before.write(GET);
    await read(before);
    door.release();
    before.write(GET);
    expect(await read(before)).toMatch(/connection: close/i);
    later.destroy();
    const after = call();
    after.write(GET);
    expect(await read(after)).toMatch(/connection: keep-alive/i);
  });

  test('is waited for by a drain while it is answered, and closed when it is idle', async () => {
    let finish = () => {};
    const { door, call } = await fedDoor((request, response) => {
      if (request.url === '/') response.end('done');
      else finish = () => void response.end('late');
    });
    const [idle, busy] = [call(), call()];
    idle.write(GET);
    await read(idle);
    busy.write(GET.replace('/', '/slow'));
    await expect.poll(() => door.inFlight, { timeout: 20_000 }).toBe(1);
    let drained = false;
    const draining = door.drain(0, 10_000).then(() => {
      drained = true;
    });
    await once(idle.resume(), 'close');
    expect(drained).toBe(false);
    finish();
    expect(await read(busy)).toMatch(/late/);
    await draining;
    const refused = call();
    await once(refused.resume(), 'close');
  });
});
