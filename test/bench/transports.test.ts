/** The load generator's clients against Node's own servers. */

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttp2, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dechunked, openHttp1 } from '../../bench/serving/load/http1.ts';
import { openHttp2 } from '../../bench/serving/load/http2.ts';
import { drive } from '../../bench/serving/load/loop.ts';
import { grpcRefusal } from '../../bench/serving/load/status.ts';
import type { Outcome, Transport } from '../../bench/serving/load/transport.ts';
import { framed, MODEL_INFER } from '../../bench/serving/wires/oip-grpc.ts';

const GET = Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n');

async function http1(listener: RequestListener, slots = 1): Promise<Transport> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const transport = await openHttp1((server.address() as AddressInfo).port, slots);
  onTestFinished(() => {
    transport.close();
    server.close();
  });
  return transport;
}

const ask = (transport: Transport, request: Buffer, keep = true, slot = 0): Promise<Outcome> =>
  new Promise((resolve) => transport.send(slot, request, keep, resolve));

describe('HTTP/1.1', () => {
  it('reads an answer of a known length that comes in pieces, again and again on one connection', async () => {
    const body = 'x'.repeat(300_000);
    let connections = 0;
    const transport = await http1((request, response) => {
      connections += request.socket.listenerCount('seen') === 0 ? 1 : 0;
      request.socket.once('seen', () => {});
      response.setHeader('content-length', body.length).end(body);
    });
    for (let i = 0; i < 3; i++) {
      const { failure, answer } = await ask(transport, GET);
      expect(failure).toBeUndefined();
      expect(answer?.body.toString()).toBe(body);
    }
    expect(connections).toBe(1);
  });

  it('reads a chunked answer', async () => {
    const transport = await http1((_, response) => {
      response.write('0\r\n\r\n');
      setImmediate(() => response.end('end'));
    });
    expect((await ask(transport, GET)).answer?.body.toString()).toBe('0\r\n\r\nend');
    expect((await ask(transport, GET, false)).answer).toBeUndefined();
  });

  it('says which status a failure has, and keeps its words though nobody asked', async () => {
    const transport = await http1((_, response) => response.writeHead(503).end('full'));
    const { failure, answer } = await ask(transport, GET, false);
    expect(failure).toBe('HTTP 503');
    expect(answer?.body.toString()).toBe('full');
  });

  it('meets a closed connection with a new one', async () => {
    const transport = await http1((_, response) => response.setHeader('connection', 'close').end('ok'));
    expect(await ask(transport, GET, false)).toEqual({});
    expect(await ask(transport, GET, false)).toEqual({});
  });

  it('says when the server goes away without an answer', async () => {
    const transport = await http1((request) => request.socket.destroy());
    expect(await ask(transport, GET)).toEqual({ failure: 'closed' });
  });

  it('a chunked body that is not whole is not read', () => {
    expect(dechunked(Buffer.from('5\r\nhello\r\n0\r\n'))).toBeUndefined();
    expect(dechunked(Buffer.from('5\r\nhello\r\n0\r\n\r\n'))?.toString()).toBe('hello');
  });
});

interface Call {
  message: Buffer;
  headers: Record<string, unknown>;
}

/** A unary gRPC server. @param answer undefined: a status other than OK, without a message */
async function grpc(answer: (call: Call) => Buffer | undefined, slots = 1) {
  const server = createHttp2().listen(0, '127.0.0.1');
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const parts: Buffer[] = [];
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('end', () => {
      const reply = answer({ message: Buffer.concat(parts), headers });
      const type = { ':status': 200, 'content-type': 'application/grpc' };
      if (!reply)
        return stream.respond({ ...type, 'grpc-status': '5', 'grpc-message': 'no%20such' }, { endStream: true });
      stream.respond(type, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(reply);
    });
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const transport = await openHttp2(port, slots, MODEL_INFER);
  onTestFinished(() => {
    transport.close();
    server.close();
  });
  return { transport, port };
}

describe('gRPC', () => {
  it('calls, also with headers that the server has to remember', async () => {
    const calls: Call[] = [];
    const { transport } = await grpc((call) => {
      calls.push(call);
      return framed(Buffer.from('pong'));
    });
    for (let i = 0; i < 3; i++) {
      const { failure, answer } = await ask(transport, framed(Buffer.from('ping')));
      expect(failure).toBeUndefined();
      expect(answer?.body).toEqual(framed(Buffer.from('pong')));
    }
    const named = { ':method': 'POST', ':path': MODEL_INFER, 'content-type': 'application/grpc', te: 'trailers' };
    for (const { headers, message } of calls) {
      expect(headers).toMatchObject(named);
      expect(message).toEqual(framed(Buffer.from('ping')));
    }
  });

  it('messages larger than frames and windows arrive whole, many at a time, both ways', async () => {
    const { transport } = await grpc(({ message }) => message, 20);
    const messages = Array.from({ length: 20 }, (_, slot) => framed(Buffer.alloc(200_000 + slot, slot)));
    const answers = await Promise.all(messages.map((message, slot) => ask(transport, message, true, slot)));
    answers.forEach(({ answer }, slot) => {
      expect(answer?.body.equals(messages[slot] as Buffer)).toBe(true);
    });
  });

  it('tells a refusal, and what it says', async () => {
    const { transport, port } = await grpc(() => undefined);
    expect(await ask(transport, framed(Buffer.from('x')))).toEqual({ failure: 'gRPC status other than OK' });
    expect(await grpcRefusal(port, framed(Buffer.from('x')))).toBe('grpc-status 5: no such');
  });
});

describe('a window of load', () => {
  it('has as many in flight as asked for, and looks at the first answer to each request once', async () => {
    let inFlight = 0;
    let most = 0;
    const connections = new Set<unknown>();
    const transport = await http1(({ socket }, response) => {
      connections.add(socket);
      most = Math.max(most, ++inFlight);
      setImmediate(() => {
        inFlight--;
        response.end('ok');
      });
    }, 4);
    const seen: number[] = [];
    const requests = Array.from({ length: 8 }, () => GET);
    const check = (index: number) => {
      seen.push(index);
      return index === 3 ? 'wrong' : undefined;
    };
    const counted = await drive(transport, { requests, slots: 4, ms: 1_500, check });
    expect(seen.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(counted.wrong).toEqual(['wrong']);
    expect(counted.failures).toEqual(new Map([['wrong', 1]]));
    expect(counted.answers).toBe(counted.latencies.length);
    expect(counted.answers).toBeGreaterThan(8);
    expect(connections.size).toBe(4);
    expect(most).toBeLessThanOrEqual(4);
  });
});
