import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Acceptor } from '../../runtime/acceptor.ts';
import { realClock } from '../../runtime/clock.ts';

async function listening() {
  const offered: Socket[] = [];
  const offer = (socket: Socket) => void offered.push(socket);
  const acceptor = new Acceptor({ clock: realClock, offer, warn() {}, paused: true });
  const port = await acceptor.listen('127.0.0.1:0');
  onTestFinished(() => {
    acceptor.close();
    for (const socket of offered) socket.destroy();
  });
  return { acceptor, port, offered };
}

test('a drain lets in all who had connected by then, and nobody after', async () => {
  const { acceptor, port, offered } = await listening();
  const callers = Array.from({ length: 20 }, () => connect(port, '127.0.0.1'));
  // They connect before the loop next looks at its sockets.
  await new Promise((resolve) => process.nextTick(resolve));
  await acceptor.drain();
  expect(offered).toHaveLength(20);
  for (const caller of callers) caller.destroy();
  const late = connect(port, '127.0.0.1');
  expect(await once(late, 'error')).toMatchObject([{ code: 'ECONNREFUSED' }]);
});

test('nothing is read of a connection: its process gets every byte', async () => {
  const { port, offered } = await listening();
  connect(port, '127.0.0.1').end('hello');
  await expect.poll(() => offered.length).toBe(1);
  expect(offered[0]?.bytesRead).toBe(0);
  const [chunk] = await once((offered[0] as Socket).resume(), 'data');
  expect(String(chunk)).toBe('hello');
});

test('an address that is taken is the system’s error', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void taken.close());
  await once(taken, 'listening');
  const acceptor = new Acceptor({ clock: realClock, offer() {}, warn() {} });
  const { port } = taken.address() as AddressInfo;
  await expect(acceptor.listen(`127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
