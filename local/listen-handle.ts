/**
 * The public socket: bound here, accepted on elsewhere. The supervisor keeps the handle for the whole run and hands it to
 * one runtime process after the other; while nobody accepts, connections wait in the kernel's queue.
 */
import { lookup } from 'node:dns/promises';
import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { LocalError } from './errors.ts';

/** What libuv's TCP handle offers of what is used here. */
interface TcpHandle {
  getsockname(out: { address?: string; port?: number }): number;
  close(): void;
}

/**
 * HAZARD: not a documented API, though what `cluster` is built on, unchanged since Node 0.12. There is no public way to
 * bind without listening, and a server that listens accepts. `test/local/listen-handle.test.ts` notices a change.
 */
type CreateServerHandle = (address: string, port: number, addressType: 4 | 6, fd: number) => TcpHandle | number;
const createServerHandle = (net as unknown as { _createServerHandle: CreateServerHandle })._createServerHandle;

const MOST_PORT = 65_535;

export interface PublicDoor {
  host: string;
  port: number;
  /** To be sent to a child process beside a `take` message. */
  handle: unknown;
  /** No process that has not got it yet can have it any more; those that accept on it go on. */
  close(): void;
}

/** The public sockets of one ModelDeployment. */
export interface PublicDoors {
  http: PublicDoor;
  /** Left out: no version of it speaks gRPC. */
  grpc?: PublicDoor;
}

/** Binds and does not listen. @param port 0 for a free one @throws LocalError ADDRESS_IN_USE, ADDRESS_NOT_AVAILABLE */
export async function bindDoor(host: string, port: number): Promise<PublicDoor> {
  if (port > MOST_PORT) {
    const message = `there is no port ${port}: the ports of all ModelDeployments must end at ${MOST_PORT}; choose a lower --port`;
    throw new LocalError('ADDRESS_NOT_AVAILABLE', message);
  }
  const { address, family } = await resolveHost(host);
  // bind() alone lets an address in use pass and leaves the error to listen(), in a child, where it is too late.
  if (port !== 0) await probe(host, address, port);
  const handle = createServerHandle(address, port, family === 6 ? 6 : 4, -1);
  if (typeof handle === 'number') throw refusal(host, port, getSystemErrorName(handle));
  const bound: { port?: number } = {};
  handle.getsockname(bound);
  let open = true;
  return {
    host,
    port: bound.port ?? port,
    handle,
    close() {
      if (open) handle.close();
      open = false;
    },
  };
}

/** Base URL of a public HTTP door. */
export function urlOf(door: PublicDoor): string {
  return `http://${authorityOf(door)}`;
}

/** `HOST:PORT`, which is what gRPC clients take. */
export function authorityOf({ host, port }: PublicDoor): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function resolveHost(host: string): Promise<{ address: string; family: number }> {
  try {
    return await lookup(host);
  } catch (error) {
    throw new LocalError('ADDRESS_NOT_AVAILABLE', `--host ${host}: no such host: ${(error as Error).message}`);
  }
}

function probe(host: string, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', (error: NodeJS.ErrnoException) => reject(refusal(host, port, error.code ?? error.message)));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve()));
  });
}

function refusal(host: string, port: number, code: string): LocalError {
  if (code === 'EADDRINUSE') {
    const message = `port ${port} of ${host} is in use by another program; stop it, or choose another with --port`;
    return new LocalError('ADDRESS_IN_USE', message);
  }
  const hint = code === 'EACCES' ? '; ports below 1024 need privileges, choose another with --port' : '';
  return new LocalError('ADDRESS_NOT_AVAILABLE', `${host}:${port} cannot be listened on (${code})${hint}`);
}
