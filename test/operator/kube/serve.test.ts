import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { Gauge, Registry } from 'prom-client';
import { afterEach, describe, expect, test } from 'vitest';
import { type HealthOptions, type HealthServer, serveHealth } from '../../../operator/kube/serve.ts';
import { freePorts } from '../../control-plane/servers.ts';

const open: HealthServer[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function start(options: Partial<HealthOptions> = {}): Promise<HealthServer> {
  const server = await serveHealth({
    host: '127.0.0.1',
    port: 0,
    registry: new Registry(),
    live: () => undefined,
    ready: () => undefined,
    ...options,
  });
  open.push(server);
  return server;
}

const ask = async (url: string, method = 'GET') => {
  const response = await fetch(url, { method });
  return { status: response.status, headers: response.headers, text: await response.text() };
};

describe('health', () => {
  test.each<[string, Partial<HealthOptions>, string, number, string]>([
    ['alive', {}, '/healthz', 200, 'ok'],
    ['ready', {}, '/readyz', 200, 'ok'],
    ['as the kubelet may ask', {}, '/readyz?verbose=1', 200, 'ok'],
    ['not alive', { live: () => 'a worker hangs' }, '/healthz', 503, 'a worker hangs'],
    ['not ready', { ready: () => 'caches: pods' }, '/readyz', 503, 'caches: pods'],
    ['not ready is not dead', { ready: () => 'x' }, '/healthz', 200, 'ok'],
    ['no reason is a reason too', { ready: () => '' }, '/readyz', 503, ''],
  ])('%s', async (_, options, path, status, text) => {
    const { url } = await start(options);
    expect(await ask(url + path)).toMatchObject({ status, text });
  });

  test('is asked anew each time', async () => {
    let reason: string | undefined = 'starting';
    const { url } = await start({ ready: () => reason });
    expect((await ask(`${url}/readyz`)).status).toBe(503);
    reason = undefined;
    expect((await ask(`${url}/readyz`)).status).toBe(200);
  });

  test('a check that throws is an answer, and the server lives on', async () => {
    const { url } = await start({
      live: () => {
        throw new Error('the check is broken');
      },
    });
    expect(await ask(`${url}/healthz`)).toMatchObject({ status: 500, text: 'the check is broken\n' });
    expect((await ask(`${url}/readyz`)).status).toBe(200);
  });
});

describe('metrics', () => {
  test('are the text of the registry, with its type', async () => {
    const registry = new Registry();
    new Gauge({ name: 'answer', help: 'to all', registers: [registry] }).set(42);
    const { url } = await start({ registry });
    const { status, headers, text } = await ask(`${url}/metrics`);
    expect([status, headers.get('content-type')]).toEqual([200, registry.contentType]);
    expect(text).toContain('\nanswer 42\n');
  });

  test('a collector that throws is an answer of 500', async () => {
    const registry = new Registry();
    const collect = () => {
      throw new Error('no numbers');
    };
    new Gauge({ name: 'answer', help: 'to all', registers: [registry], collect });
    const { url } = await start({ registry });
    expect(await ask(`${url}/metrics`)).toMatchObject({ status: 500, text: 'no numbers\n' });
  });
});

describe('HTTP', () => {
  test('HEAD says what GET would, without the body', async () => {
    const { url } = await start({ ready: () => 'caches: pods' });
    const head = await ask(`${url}/readyz`, 'HEAD');
    expect([head.status, head.headers.get('content-length'), head.text]).toEqual([503, '12', '']);
  });

  test.each(['/', '/metrics/', '/readyz/x', '/constructor'])('there is nothing at %s', async (path) => {
    expect((await ask((await start()).url + path)).status).toBe(404);
  });

  test('another method is refused, with those that are served, and its body is not waited for', async () => {
    const { url } = await start();
    const upload = request(`${url}/metrics`, { method: 'POST', headers: { 'transfer-encoding': 'chunked' } });
    upload.on('error', () => {});
    upload.write('more follows');
    const [response] = await once(upload, 'response');
    const { allow, connection } = response.headers;
    expect([response.statusCode, allow, connection]).toEqual([405, 'GET, HEAD', 'close']);
    response.resume();
    await once(response, 'close');
    upload.destroy();
  });

  test('a port that is taken is said with what to do', async () => {
    const { port } = await start();
    await expect(start({ port })).rejects.toThrow(
      new RegExp(`cannot be served on 127.0.0.1:${port}: .*EADDRINUSE.*Choose another`),
    );
  });

  test('an IPv6 address makes a valid URL', async () => {
    const { url } = await start({ host: '::' });
    expect(url).toMatch(/^http:\/\/\[::\]:\d+$/);
  });
});

describe('closing', () => {
  test('does not wait for connections that are kept, nor for requests that never end', async () => {
    const server = await start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const [response] = await once(request(`${server.url}/healthz`, { agent }).end(), 'response');
    response.resume();
    await once(response, 'end');
    const half = connect(server.port, '127.0.0.1');
    half.on('error', () => {});
    await once(half, 'connect');
    half.write('GET /metrics HTTP/1.1\r\nhost: x\r\n');
    await ask(`${server.url}/readyz`); // by now the server has seen the half request too
    const closed = once(half, 'close');
    await server.close();
    await closed;
    agent.destroy();
  });

  test('twice is once, and the port is free', async () => {
    // One that the system gives to no connection meanwhile.
    const [port = 0] = await freePorts(1);
    const server = await start({ port });
    await Promise.all([server.close(), server.close()]);
    const next = await start({ port: server.port });
    expect((await ask(`${next.url}/healthz`)).status).toBe(200);
  });
});
