/** Attacks with a name, each of which has ended some server. Each says what it saw; `expected` says what is right. */
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Target } from './campaign.ts';
import { grpcSeed, httpSeeds } from './seeds.ts';
import { GrpcSender, grpcFrame, openSocket, sendRaw } from './senders.ts';

export interface Attack {
  name: string;
  /** @returns HTTP statuses (of raw answers) or gRPC statuses; undefined where the server closed or reset */
  run(target: Target): Promise<(number | undefined)[]>;
  expected: readonly (number | undefined)[];
}

const GRPC = { resourceExhausted: 8, invalidArgument: 3, unimplemented: 12, cancelled: 1, internal: 13 };

function http(
  name: string,
  expected: Attack['expected'],
  make: (target: Target) => { path?: string; headers?: Record<string, string>; body: Buffer | string },
): Attack {
  return {
    name,
    expected,
    async run(target) {
      const { path = `/v2/models/${target.model}/infer`, headers = {}, body } = make(target);
      const bytes = Buffer.from(body);
      const all = {
        host: 'x',
        'content-type': 'application/json',
        'content-length': `${bytes.length}`,
        connection: 'close',
        ...headers,
      };
      const lines = Object.entries(all).map(([key, value]) => `${key}: ${value}\r\n`);
      const [status] = await sendRaw(
        target.http,
        Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`), bytes]),
      );
      return [status];
    },
  };
}

const oip = (input: string) => `{"inputs":[{"name":"image","datatype":"FP32",${input}}]}`;

function grpc(
  name: string,
  expected: Attack['expected'],
  make: (target: Target) => { frame: Buffer; headers?: Record<string, string> },
): Attack {
  return {
    name,
    expected,
    async run(target) {
      const sender = new GrpcSender(target.grpc);
      const { frame, headers } = make(target);
      const status = await sender.call(frame, headers);
      sender.close();
      return [status];
    },
  };
}

/** Holds sockets open in a hostile way for a while, then sees that the server still answers. */
function holding(name: string, open: (target: Target) => void | Promise<void>): Attack {
  return {
    name,
    expected: [200],
    async run(target) {
      await open(target);
      const [seed] = httpSeeds(target.model);
      if (!seed) throw new Error('no seed');
      const head = `POST ${seed.path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${seed.body.length}\r\n\r\n`;
      const [status] = await sendRaw(target.http, Buffer.concat([Buffer.from(head), seed.body]));
      return [status];
    },
  };
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

export const ATTACKS: readonly Attack[] = [
  http('JSON nested 200,000 deep', [400], () => ({ body: '['.repeat(200_000) + ']'.repeat(200_000) })),
  http('data nested 200,000 deep', [400], () => ({
    body: oip(`"shape":[1,64],"data":${'['.repeat(200_000)}${']'.repeat(200_000)}`),
  })),
  http('a shape whose product overflows', [400], () => ({ body: oip('"shape":[4294967296,4294967296],"data":[1]') })),
  http('a shape of 2 GB with one value', [400], () => ({ body: oip('"shape":[8388608,64],"data":[1]') })),
  http('a negative shape', [400], () => ({ body: oip('"shape":[-1,64],"data":[1]') })),
  http('a body said to be 2 GB', [413], () => ({ headers: { 'content-length': '2147483648' }, body: 'x' })),
  http('binary tensors said to be 2 GB', [400], () => ({
    headers: { 'inference-header-content-length': '100' },
    body: `${oip('"shape":[8388608,64],"parameters":{"binary_data_size":2147483648}').padEnd(100)}xxxx`,
  })),
  http('a JSON head longer than the body', [400], () => ({
    headers: { 'inference-header-content-length': '2147483648' },
    body: '{}',
  })),
  http('a gzip bomb', [413], () => ({
    headers: { 'content-encoding': 'gzip' },
    body: gzipSync(Buffer.alloc(256 * 2 ** 20)),
  })),
  http('a gzip bomb in a gzip bomb', [400, 415], () => ({
    headers: { 'content-encoding': 'gzip' },
    body: gzipSync(gzipSync(Buffer.alloc(64 * 2 ** 20))),
  })),
  http('gzip that ends early', [400], () => ({
    headers: { 'content-encoding': 'gzip' },
    body: gzipSync('{"inputs":[]}').subarray(0, 12),
  })),
  http('10,000 inputs', [400], () => ({
    body: JSON.stringify({ inputs: Array.from({ length: 10_000 }, (_, i) => ({ name: `n${i}` })) }),
  })),
  http('a GraphQL query 5,000 deep', [400], () => ({
    path: '/graphql',
    body: JSON.stringify({ query: '{a'.repeat(5_000) + '}'.repeat(5_000) }),
  })),
  http('a GraphQL query of 10,000 aliases', [400], ({ model }) => ({
    path: '/graphql',
    body: JSON.stringify({
      query: `{${Array.from({ length: 10_000 }, (_, i) => `a${i}:model(name:"${model}"){name}`).join(' ')}}`,
    }),
  })),
  grpc('a gRPC message said to be 4 GB', [GRPC.resourceExhausted], () => ({
    frame: grpcFrame(Buffer.from('x'), { length: 2 ** 32 - 1 }),
  })),
  grpc('a gRPC gzip bomb', [GRPC.resourceExhausted], () => ({
    frame: grpcFrame(gzipSync(Buffer.alloc(256 * 2 ** 20)), { flag: 1 }),
    headers: { 'grpc-encoding': 'gzip' },
  })),
  grpc('gRPC garbage', [GRPC.invalidArgument], () => ({ frame: grpcFrame(Buffer.alloc(1_000, 0xff)) })),
  grpc(
    'a gRPC message that ends early',
    [GRPC.invalidArgument, GRPC.internal, GRPC.cancelled, undefined],
    ({ model }) => ({
      frame: grpcFrame(grpcSeed(model), { length: 100_000 }),
    }),
  ),
  holding('200 writers of one byte a second', async ({ http: port, model }) => {
    const sockets = Array.from({ length: 200 }, () => openSocket(port));
    for (let byte = 0; byte < 3; byte++) {
      for (const socket of sockets)
        socket.write(
          byte === 0 ? `POST /v2/models/${model}/infer HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n` : '{',
        );
      await sleep(300);
    }
    for (const socket of sockets) socket.destroy();
  }),
  holding('200 readers that never read', async ({ http: port, model }) => {
    const [seed] = httpSeeds(model);
    if (!seed) return;
    const head = `POST ${seed.path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${seed.body.length}\r\n\r\n`;
    const request = Buffer.concat([Buffer.from(head), seed.body]);
    const sockets = Array.from({ length: 200 }, () => openSocket(port));
    for (const socket of sockets) {
      socket.pause();
      for (let times = 0; times < 50; times++) socket.write(request);
    }
    await sleep(1_500);
    for (const socket of sockets) socket.destroy();
  }),
  holding('500 connections closed half way', async ({ http: port, model }) => {
    const sockets = Array.from({ length: 500 }, () => openSocket(port));
    for (const socket of sockets)
      socket.end(`POST /v2/models/${model}/infer HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{`);
    await sleep(500);
    for (const socket of sockets) socket.destroy();
  }),
  holding('HTTP/2 garbage, and a flood of settings and pings', async ({ grpc: port }) => {
    const ping = Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    const sockets = Array.from({ length: 20 }, () => openSocket(port));
    for (const [at, socket] of sockets.entries()) {
      const flood = at % 2 === 0 ? EMPTY_SETTINGS : ping;
      socket.write(PREFACE);
      socket.write(EMPTY_SETTINGS);
      for (let times = 0; times < 2_000; times++) socket.write(flood);
      if (at % 3 === 0) socket.write(Buffer.alloc(10_000, 0xff));
    }
    await sleep(1_000);
    for (const socket of sockets) socket.destroy();
  }),
  holding('streams opened and reset at once, 5,000 times', async ({ grpc: port, model }) => {
    const { connect } = await import('node:http2');
    const session = connect(`http://127.0.0.1:${port}`);
    session.on('error', () => {});
    for (let times = 0; times < 5_000 && !session.destroyed && !session.closed; times++) {
      const stream = session.request({
        ':method': 'POST',
        ':path': '/inference.GRPCInferenceService/ModelInfer',
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      stream.on('error', () => {});
      stream.write(grpcFrame(grpcSeed(model)));
      stream.close(8);
      if (times % 500 === 499) await sleep(20);
    }
    await sleep(300);
    session.destroy();
  }),
];
