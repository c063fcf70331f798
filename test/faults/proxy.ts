/**
 * An HTTP proxy in front of an API server, of one client: what it asks is done as a fault plan says. It listens on
 * loopback without TLS and sends on the client's own Authorization.
 */
import * as http from 'node:http';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import * as https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type Clock, systemClock } from '../../operator/kube/clock.ts';
import { type Access, agentFor } from '../control-plane/access.ts';
import { AnswerMemory } from './answer-memory.ts';
import type { Fault, FaultPlan } from './plan.ts';
import { type ApiRequest, describeRequest } from './request.ts';
import { expiredEvent, refusal } from './status.ts';
import { Trace, type WriteSeen } from './trace.ts';
import { relayWatch } from './watch-relay.ts';

export interface ProxyOptions {
  target: Pick<Access, 'url' | 'ca'>;
  plan: FaultPlan;
  clock?: Clock;
  /** A write that the API server has answered; the client hears of it only after this has settled. */
  onWrite?: (write: WriteSeen) => void | Promise<void>;
}

/** One request on its way. */
export interface Passage {
  request: ApiRequest;
  incoming: IncomingMessage;
  outgoing: ServerResponse;
  body: Buffer;
  at: number;
}

export interface Answered {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

const MOST_BODY_BYTES = 8 * 1024 * 1024;
/** Of the connection, not of the message; and what would make an answer unreadable for us. */
const NOT_FORWARDED = ['host', 'connection', 'content-length', 'transfer-encoding', 'accept-encoding', 'keep-alive'];

export class FaultProxy implements AsyncDisposable {
  readonly trace = new Trace();
  plan: FaultPlan;
  readonly #options: ProxyOptions;
  readonly #clock: Clock;
  readonly #started: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #agent: http.Agent;
  readonly #request: typeof http.request;
  readonly #memory = new AnswerMemory();
  #count = 0;
  #cut = false;

  private constructor(options: ProxyOptions) {
    this.#options = options;
    this.plan = options.plan;
    this.#clock = options.clock ?? systemClock;
    this.#started = this.#clock.now();
    const { ca, url } = options.target;
    const secure = url.startsWith('https:');
    // Shared by all proxies of a server: each start of an operator behind one would open two dozen connections.
    this.#agent = secure ? agentFor(ca) : http.globalAgent;
    this.#request = secure ? https.request : http.request;
    this.#server = createServer((incoming, outgoing) => void this.#handle(incoming, outgoing));
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(options: ProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Milliseconds since it started, as in the trace. */
  get now(): number {
    return this.#clock.now() - this.#started;
  }

  /** Cuts the client off: open connections break, and new requests are noted and not answered. */
  partition(on: boolean): void {
    this.#cut = on;
    if (on) for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = incoming;
    const seen = describeRequest(++this.#count, method, url, headers['content-type']);
    const at = this.now;
    const fault: Fault = this.#cut ? { kind: 'cut-before' } : this.plan.decide(seen);
    this.trace.add({ request: seen, fault: this.#cut ? 'partition' : fault.kind, at });
    outgoing.on('error', () => undefined);
    try {
      const body = await read(incoming);
      await this.#act(fault, { request: seen, incoming, outgoing, body, at });
    } catch {
      // The client is gone, or the API server is: either way there is nobody to answer, or nothing.
      cut(outgoing);
    }
  }

  async #act(fault: Fault, passage: Passage): Promise<void> {
    const { outgoing, request: seen, at } = passage;
    switch (fault.kind) {
      case 'cut-before':
        return cut(outgoing);
      case 'conflict':
      case 'throttle':
      case 'error':
      case 'unavailable':
        return send(outgoing, refusal(fault.kind));
      case 'expired':
        return send(outgoing, expiredEvent());
      case 'hang':
        await this.#holdOpen(fault.ms, outgoing);
        return cut(outgoing);
      case 'slow':
        await this.#holdOpen(fault.ms, outgoing);
        // What a client that has given up asked for is not carried out later: no network does that after it broke.
        if (outgoing.destroyed || this.#cut) return cut(outgoing);
        return this.#pass(passage);
      case 'stale': {
        const old = this.#memory.older(seen);
        return old ? send(outgoing, old) : this.#pass(passage);
      }
      case 'cut-after':
      case 'late': {
        const answer = seen.verb === 'watch' ? undefined : await this.#forward(passage);
        if (answer && fault.kind === 'late') await this.#holdOpen(fault.ms, outgoing);
        return cut(outgoing);
      }
      case 'stall':
      case 'watch-cut':
        if (seen.verb === 'watch') return this.#relay(passage, fault);
        return this.#pass(passage);
      case 'pass':
        return this.#pass(passage);
      default:
        throw new TypeError(`request ${seen.number} at ${at}: no such fault`);
    }
  }

  async #pass(passage: Passage): Promise<void> {
    if (passage.request.verb === 'watch') return this.#relay(passage, { kind: 'pass' });
    const answer = await this.#forward(passage);
    if (this.#cut) return cut(passage.outgoing);
    send(passage.outgoing, answer);
  }

  /** Asks the API server; notes what was written and what a list said. */
  async #forward(passage: Passage): Promise<Answered> {
    const { request: seen, at } = passage;
    const response = await this.#ask(passage);
    const headers = Object.fromEntries(
      ['content-type', 'retry-after', 'warning'].flatMap((name) => {
        const value = response.headers[name];
        return typeof value === 'string' ? [[name, value]] : [];
      }),
    );
    const answer = { status: response.statusCode ?? 502, headers, body: await read(response) };
    if (seen.verb === 'list' && answer.status === 200) this.#memory.remember(seen, answer);
    if (seen.write) {
      const write = { request: seen, status: answer.status, at };
      this.trace.wrote(write);
      await this.#options.onWrite?.(write);
    }
    return answer;
  }

  async #relay(passage: Passage, fault: Fault): Promise<void> {
    const response = await this.#ask(passage);
    await relayWatch(response, passage.outgoing, fault, (ms) => this.#holdOpen(ms, passage.outgoing));
  }

  /** @returns the API server's answer, its body still to come */
  #ask({ incoming, outgoing, body, request: seen }: Passage): Promise<IncomingMessage> {
    const kept = Object.entries(incoming.headers).filter(([name]) => !NOT_FORWARDED.includes(name));
    // Node frames the body of a DELETE only when told its length; the rest would be read as the next request.
    const headers = { ...Object.fromEntries(kept), ...(body.length > 0 && { 'content-length': body.length }) };
    return new Promise((resolve, reject) => {
      const url = new URL(seen.url, this.#options.target.url);
      const asked = this.#request(url, { method: incoming.method, headers, agent: this.#agent }, resolve);
      asked.on('error', reject);
      // Reads end with their client. A write that was sent is heard out, or the record would not know of it.
      if (!seen.write) outgoing.once('close', () => asked.destroy());
      asked.end(body.length > 0 ? body : undefined);
    });
  }

  /** Waits, or until the client gives up. */
  #holdOpen(ms: number, outgoing: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ms, resolve);
      outgoing.once('close', () => {
        cancel();
        resolve();
      });
    });
  }
}

async function read(stream: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of stream as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > MOST_BODY_BYTES) throw new Error(`more than ${MOST_BODY_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function send(outgoing: ServerResponse, { status, headers, body }: Answered): void {
  outgoing.writeHead(status, { ...headers, 'content-length': body.length }).end(body);
}

function cut(outgoing: ServerResponse): void {
  outgoing.socket?.destroy();
  outgoing.destroy();
}
