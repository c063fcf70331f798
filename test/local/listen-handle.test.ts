/** What is relied on of Node's undocumented handle; the rest of it is in the contract of `process.test.ts`. */

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { LocalError } from '../../local/errors.ts';
import { bindDoor, type PublicDoor } from '../../local/listen-handle.ts';

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

async function bound(host: string, port = 0): Promise<PublicDoor> {
  const door = await bindDoor(host, port);
  open.push(door);
  return door;
}

describe('the public door', () => {
  test('is bound to a free port on request, and knows it', async () => {
    const [a, b] = [await bound('127.0.0.1'), await bound('127.0.0.1')];
    expect(a.port).toBeGreaterThan(0);
    expect(b.port).not.toBe(a.port);
  });

  test('takes host names and IPv6', async () => {
    expect((await bound('localhost')).host).toBe('localhost');
    expect((await bound('::1')).port).toBeGreaterThan(0);
  });

  test('is not listening: a connection is refused until a process listens', async () => {
    const { port } = await bound('127.0.0.1');
    const socket = connect(port, '127.0.0.1');
    const [error] = await once(socket, 'error');
    expect(error.code).toBe('ECONNREFUSED');
  });

  test('is free again once it is closed; closing twice does nothing', async () => {
    const first = await bindDoor('127.0.0.1', 0);
    first.close();
    first.close();
    expect((await bound('127.0.0.1', first.port)).port).toBe(first.port);
  });

  test('a port in use is a clear error, before any process is started', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    open.push(server);
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await expect(bindDoor('127.0.0.1', port)).rejects.toThrow(
      new LocalError(
        'ADDRESS_IN_USE',
        `port ${port} of 127.0.0.1 is in use by another program; stop it, or choose another with --port`,
      ),
    );
    await expect(bindDoor('127.0.0.1', port)).rejects.toMatchObject({ code: 'ADDRESS_IN_USE', exitCode: 3 });
  });

  test.each([
    ['192.0.2.1', 'ADDRESS_NOT_AVAILABLE', /192\.0\.2\.1:8080 cannot be listened on \(EADDRNOTAVAIL\)/],
    ['no.such.host.invalid', 'ADDRESS_NOT_AVAILABLE', /--host no\.such\.host\.invalid: no such host/],
  ])('a host that is not ours, %s', async (host, code, message) => {
    await expect(bindDoor(host, 8080)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});
