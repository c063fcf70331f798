/** Real gRPC clients for the tests, made from the .proto files of the runtime. */
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import * as loader from '@grpc/proto-loader';
import { expect, onTestFinished } from 'vitest';
import { createBatcher } from '../../../runtime/batching/batcher.ts';
import { realClock } from '../../../runtime/clock.ts';
import type { Tensor } from '../../../runtime/protocol/datatypes.ts';
import { type Running, type RunOptions, run } from '../harness.ts';

const PROTO = 'runtime/grpc/proto';

export const DEFINITIONS = loader.loadSync(
  [
    'grpc_service.proto',
    'grpc/health/v1/health.proto',
    'grpc/reflection/v1/reflection.proto',
    'grpc/reflection/v1alpha/reflection.proto',
  ],
  { includeDirs: [PROTO], keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true },
);

// biome-ignore lint/suspicious/noExplicitAny: messages of all methods; each field is asserted by its test
export type Message = any;

export interface Answered {
  message: Message;
  metadata: grpc.Metadata;
  trailers: grpc.Metadata;
}

/** What a call that fails rejects with. */
export type Failure = grpc.ServiceError;

export interface Client {
  /** Calls a method that takes one message and gives one. */
  call(method: string, message?: object, options?: CallOptions): Promise<Answered>;
  /** For what call() has no words for: streams, and calls that are cancelled. */
  raw: Methods;
}

/** What grpc-js makes of the .proto files at run time: each method that a test calls by itself. */
export interface Methods {
  ModelInfer(request: object, done: (error: Failure | null, answer?: Message) => void): grpc.ClientUnaryCall;
  ModelStreamInfer(): grpc.ClientDuplexStream<object, Message>;
  ServerReflectionInfo(): grpc.ClientDuplexStream<object, Message>;
  Watch(request: object): grpc.ClientReadableStream<Message>;
}

export interface CallOptions {
  metadata?: Record<string, string>;
  deadline?: number;
  /** Of the requests. */
  compression?: 'gzip' | 'deflate';
}

const COMPRESSION = { gzip: 2, deflate: 1 } as const;

/** A client of a service on one connection; closed at the end of the test. */
export function clientOf(
  address: string,
  service: loader.ServiceDefinition,
  options: grpc.ChannelOptions = {},
): Client {
  const client = new (grpc.makeClientConstructor(service as grpc.ServiceDefinition, 'Client'))(
    address,
    grpc.credentials.createInsecure(),
    { 'grpc.use_local_subchannel_pool': 1, 'grpc.max_receive_message_length': -1, ...options },
  );
  onTestFinished(() => client.close());
  return {
    raw: client as unknown as Methods,
    call: (method, message = {}, { metadata = {}, deadline } = {}) =>
      new Promise((resolve, reject) => {
        let headers = new grpc.Metadata();
        let trailers = new grpc.Metadata();
        const start = client[method] as (...args: unknown[]) => grpc.ClientUnaryCall;
        const call = start.call(
          client,
          message,
          metadataOf(metadata),
          deadline === undefined ? {} : { deadline: Date.now() + deadline },
          (error: grpc.ServiceError | null, value: Message) => {
            // The status comes after the message.
            if (error) reject(error);
            else setImmediate(() => resolve({ message: value, metadata: headers, trailers }));
          },
        );
        call.on('metadata', (got: grpc.Metadata) => {
          headers = got;
        });
        call.on('status', (status: grpc.StatusObject) => {
          trailers = status.metadata;
        });
      }),
  };
}

export function metadataOf(fields: Record<string, string>): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(fields)) metadata.set(name, value);
  return metadata;
}

export const compressed = (algorithm: keyof typeof COMPRESSION): grpc.ChannelOptions => ({
  'grpc.default_compression_algorithm': COMPRESSION[algorithm],
});

export const INFERENCE = DEFINITIONS['inference.GRPCInferenceService'] as loader.ServiceDefinition;
export const HEALTH = DEFINITIONS['grpc.health.v1.Health'] as loader.ServiceDefinition;

export interface GrpcRunning extends Running {
  client: Client;
}

/** A runtime with both gRPC doors, and a client of its entry. */
export async function runGrpc(options: RunOptions = {}): Promise<GrpcRunning> {
  const running = await run({
    ...options,
    serving: { protocols: ['rest', 'grpc'], ...options.serving },
    launch: { entryGrpc: '127.0.0.1:0', directGrpc: '127.0.0.1:0', ...options.launch },
  });
  return { ...running, client: clientOf(running.entryGrpc, INFERENCE) };
}

export async function failureOf(promise: Promise<unknown>): Promise<{ status: string; code: string; details: string }> {
  try {
    await promise;
  } catch (error) {
    const { code, details, metadata } = error as grpc.ServiceError;
    return { status: grpc.status[code] as string, code: String(metadata.get('modelship-code')[0]), details };
  }
  throw new Error('the call was answered');
}

/** One row for the digits model. */
export const ROW = Array.from({ length: 64 }, (_, index) => index % 17);

export function digits(changes: object = {}): object {
  const inputs = [{ name: 'image', datatype: 'FP32', shape: [1, 64], contents: { fp32_contents: ROW } }];
  return { model_name: 'm', inputs, ...changes };
}

export function rawDigits(changes: object = {}): object {
  return {
    model_name: 'm',
    inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64] }],
    raw_input_contents: [Buffer.from(Float32Array.from(ROW).buffer)],
    ...changes,
  };
}

export const protoPath = (file: string): string => join(PROTO, file);

/** A runtime whose model gives back `x` when the test lets it. */
export async function runHeld({ queue = 100, ...options }: RunOptions & { queue?: number } = {}) {
  const running = await runGrpc({ ...options, load: false });
  const spec = { datatype: 'FP32', shape: [-1] } as const;
  const signature = { inputs: [{ name: 'x', ...spec }], outputs: [{ name: 'y', ...spec }] };
  const starts: (() => void)[] = [];
  const lane = {
    run: ([x]: readonly Tensor[]) =>
      new Promise<Tensor[]>((resolve) => starts.push(() => resolve([{ ...(x as Tensor), name: 'y' }]))),
  };
  const runner = createBatcher({
    lanes: [lane],
    eager: false,
    maxBatchSize: 1,
    maxDelayMs: 0,
    signature,
    room: { requests: queue, bytes: 2 ** 20 },
    clock: options.clock ?? realClock,
    warn: () => {},
  });
  running.server.own.serve({
    signature,
    digest: '',
    runner,
    execution: {
      place: 'workers',
      workers: 1,
      threads: 1,
      providers: ['cpu'],
      device: 0,
      why: 'the test says so',
      weightsShared: false,
      optimized: 'off',
    },
    batching: () => runner.stats(),
    close: () => runner.drained(),
  });
  const waiting = (count: number) => expect.poll(() => runner.pending, { timeout: 20_000 }).toBe(count);
  /** Lets everything that is asked for run, until nothing is; and until so many answers are there. */
  const finish = async (answers: readonly unknown[] = [], count = 0) => {
    while (runner.pending > 0 || answers.length < count) {
      starts.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { ...running, waiting, finish, runner, started: () => starts.length };
}

/** A request for the model of `runHeld`. */
export function held(value: number, changes: object = {}): object {
  const inputs = [{ name: 'x', datatype: 'FP32', shape: [1], contents: { fp32_contents: [value] } }];
  return { model_name: 'm', id: String(value), inputs, ...changes };
}
