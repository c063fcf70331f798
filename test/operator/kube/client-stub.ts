/** An HTTP server that answers as a test says: what a real API server does not do on demand. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { RequestSeen } from '../../../operator/kube/client.ts';
import type { Clock } from '../../../operator/kube/clock.ts';
import type { Credential, CredentialSource } from '../../../operator/kube/credentials.ts';
import { KubeError } from '../../../operator/kube/error.ts';
import { HttpKubeClient } from '../../../operator/kube/http-client.ts';
import type { Resource } from '../../../operator/kube/object.ts';

export const CONFIG_MAPS: Resource = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };
export const KEY = { namespace: 'models', name: 'digits' };
export const SECRET = 'the-token';

export type Handler = (response: ServerResponse, request: IncomingMessage) => void;

export interface Request {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
  /** Counts connections from 0. */
  connection: number;
}

export class StubServer implements AsyncDisposable {
  readonly requests: Request[] = [];
  /** Answers every request. */
  handler: Handler = (response) => json(response, 200, {});
  readonly #server = createServer((request, response) => this.#take(request, response));
  readonly #sockets: Socket[] = [];
  #waiting: { count: number; resolve: () => void }[] = [];

  static async open(handler?: Handler): Promise<StubServer> {
    const stub = new StubServer();
    if (handler) stub.handler = handler;
    stub.#server.on('connection', (socket) => stub.#sockets.push(socket));
    await new Promise<void>((resolve) => stub.#server.listen(0, '127.0.0.1', resolve));
    return stub;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves when that many requests have come since the start. */
  async seen(count: number): Promise<void> {
    if (this.requests.length >= count) return;
    await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (part: string) => {
      body += part;
    });
    request.on('end', () => {
      const { method = '', url = '', headers, socket } = request;
      this.requests.push({ method, url, headers, body, connection: this.#sockets.indexOf(socket) });
      this.handler(response, request);
      this.#waiting = this.#waiting.filter(({ count, resolve }) => {
        if (this.requests.length < count) return true;
        resolve();
        return false;
      });
    });
  }
}

export function json(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** The `Status` of a refusal. */
export function refusal(code: number, reason: string, message: string, details: object = {}): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message, details };
}

export function event(type: string, object: object): string {
  return `${JSON.stringify({ type, object })}\n`;
}

export function credential(server: string, token = SECRET, generation = 1, tlsKey = 'tls'): Credential {
  return { generation, server, headers: { authorization: `Bearer ${token}` }, tls: {}, tlsKey };
}

/** Gives what `next` holds. */
export class StubCredentials implements CredentialSource {
  next: Credential;
  renewals = 0;

  constructor(first: Credential) {
    this.next = first;
  }

  current(): Credential {
    return this.next;
  }

  async renew(): Promise<Credential> {
    this.renewals++;
    return this.next;
  }
}

export interface StubClient {
  client: HttpKubeClient;
  credentials: StubCredentials;
  seen: RequestSeen[];
}

export function clientOf(server: string, options: { clock?: Clock; timeoutMs?: number } = {}): StubClient {
  const credentials = new StubCredentials(credential(server));
  const seen: RequestSeen[] = [];
  const client = new HttpKubeClient({ server, credentials, observe: (one) => seen.push(one), ...options });
  return { client, credentials, seen };
}

export async function failure(asked: Promise<unknown>): Promise<KubeError> {
  const error = await asked.then(
    (value) => new Error(`it did not fail: ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (error instanceof KubeError) return error;
  throw error;
}
