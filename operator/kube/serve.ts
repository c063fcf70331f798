/** The small HTTP server that the kubelet and Prometheus ask. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

export interface HealthOptions {
  /** Address to listen on. */
  host: string;
  /** 0: any that is free. */
  port: number;
  registry: Registry;
  /** Why this process must be started anew; undefined when all is well. */
  live(): string | undefined;
  /** Why this process is not ready; undefined when it is. */
  ready(): string | undefined;
}

export interface HealthServer {
  /** `http://HOST:PORT`, with the port that it really listens on. */
  url: string;
  port: number;
  /** Stops listening and cuts what is open, also in the middle of an answer. */
  close(): Promise<void>;
}

interface Answer {
  status: number;
  body: string;
  type?: string;
}

/**
 * `GET /metrics`, `/healthz`, `/readyz`: 200 `ok`, or 503 with the reason. HEAD too.
 * @throws Error when the address cannot be had
 */
export async function serveHealth(options: HealthOptions): Promise<HealthServer> {
  const pages = new Map<string, () => Promise<Answer>>([
    ['/metrics', () => metrics(options.registry)],
    ['/healthz', async () => health(options.live())],
    ['/readyz', async () => health(options.ready())],
  ]);
  const server = createServer((request, response) => void answer(pages, request, response));
  await listen(server, options);
  // From here an error is a connection that could not be taken, for want of file handles. Unheard it would end us.
  server.on('error', () => {});
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  let closed: Promise<void> | undefined;
  return {
    url: `http://${host}:${port}`,
    port,
    close: () => {
      closed ??= close(server);
      return closed;
    },
  };
}

function listen(server: Server, { host, port }: HealthOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error) =>
      reject(
        new Error(
          `health and metrics cannot be served on ${host}:${port}: ${cause.message}. Choose another address or port, or end the process that holds it.`,
          { cause },
        ),
      );
    server.once('error', failed);
    server.listen({ host, port }, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Never rejects: a check or a collector that throws is an answer of 500. */
async function answer(
  pages: ReadonlyMap<string, () => Promise<Answer>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const page = pages.get((request.url ?? '').split('?', 1)[0] ?? '');
  if (!page) return send(response, { status: 404, body: `try ${[...pages.keys()].join(', ')}\n` });
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    // Whatever body comes with it is not read.
    response.setHeader('allow', 'GET, HEAD').setHeader('connection', 'close');
    return send(response, { status: 405, body: `${request.method} is not served here, GET and HEAD are\n` });
  }
  try {
    send(response, await page());
  } catch (error) {
    send(response, { status: 500, body: `${error instanceof Error ? error.message : String(error)}\n` });
  }
}

/** Node leaves the body out of an answer to HEAD. */
function send(response: ServerResponse, { status, body, type }: Answer): void {
  if (response.destroyed) return;
  const bytes = Buffer.from(body);
  response.writeHead(status, {
    'content-type': type ?? 'text/plain; charset=utf-8',
    'content-length': bytes.length,
    'cache-control': 'no-store',
  });
  response.end(bytes);
}

function health(reason: string | undefined): Answer {
  return reason === undefined ? { status: 200, body: 'ok' } : { status: 503, body: reason };
}

async function metrics(registry: Registry): Promise<Answer> {
  return { status: 200, body: await registry.metrics(), type: registry.contentType };
}
