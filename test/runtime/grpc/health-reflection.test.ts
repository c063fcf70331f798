import { readFile } from 'node:fs/promises';
import type * as grpc from '@grpc/grpc-js';
import * as loader from '@grpc/proto-loader';
import { describe, expect, test } from 'vitest';
import descriptors from '../../../runtime/grpc/descriptors.json' with { type: 'json' };
import { descriptorsText, PROTO_FILES } from '../../../runtime/grpc/generate.ts';
import { clientOf, DEFINITIONS, digits, failureOf, HEALTH, type Message, runGrpc } from './support.ts';

describe('health', () => {
  test('is SERVING once the model is loaded, and NOT_SERVING when the process drains', async () => {
    const { entryGrpc, directGrpc, server } = await runGrpc({ load: false });
    const doors = [clientOf(entryGrpc, HEALTH), clientOf(directGrpc, HEALTH)];
    const check = async (service: string) => {
      const answers = await Promise.all(doors.map((client) => client.call('Check', { service })));
      return answers.map(({ message }) => message.status);
    };
    expect(await check('')).toEqual(['NOT_SERVING', 'NOT_SERVING']);
    await server.load();
    expect(await check('')).toEqual(['SERVING', 'SERVING']);
    expect(await check('inference.GRPCInferenceService')).toEqual(['SERVING', 'SERVING']);
    server.own.startDraining();
    expect(await check('')).toEqual(['NOT_SERVING', 'NOT_SERVING']);
  });

  test('lists the services, and knows no others', async () => {
    const { entryGrpc } = await runGrpc();
    const client = clientOf(entryGrpc, HEALTH);
    expect((await client.call('List')).message.statuses).toEqual({
      '': { status: 'SERVING' },
      'inference.GRPCInferenceService': { status: 'SERVING' },
    });
    expect(await failureOf(client.call('Check', { service: 'x' }))).toMatchObject({ status: 'NOT_FOUND' });
  });

  test('is watched through its changes, until the process ends', async () => {
    const { entryGrpc, server } = await runGrpc({ load: false });
    const raw = clientOf(entryGrpc, HEALTH).raw;
    const seen: Record<string, string[]> = {};
    const ended = ['', 'x'].map((service) => {
      const said: string[] = [];
      seen[service] = said;
      const stream = raw.Watch({ service });
      stream.on('data', ({ status }: Message) => said.push(status));
      stream.on('error', () => {});
      return new Promise<number>((resolve) => stream.on('status', ({ code }: grpc.StatusObject) => resolve(code)));
    });
    await expect.poll(() => seen, { timeout: 20_000 }).toEqual({ '': ['NOT_SERVING'], x: ['SERVICE_UNKNOWN'] });
    await server.load();
    await expect.poll(() => seen[''], { timeout: 20_000 }).toEqual(['NOT_SERVING', 'SERVING']);
    // Whoever watches asks for nothing that would keep the process.
    expect(server.report().inFlight).toBe(0);
    await server.close(0);
    expect(await Promise.all(ended)).toEqual([14, 14]);
    expect(seen).toEqual({ '': ['NOT_SERVING', 'SERVING', 'NOT_SERVING'], x: ['SERVICE_UNKNOWN'] });
  });
});

describe.each(['v1', 'v1alpha'])('reflection %s', (version) => {
  const service = DEFINITIONS[`grpc.reflection.${version}.ServerReflection`] as loader.ServiceDefinition;

  /** Asks on one stream, as grpcurl does. */
  async function reflect(address: string, ...requests: object[]): Promise<Message[]> {
    const stream = clientOf(address, service).raw.ServerReflectionInfo();
    const answers: Message[] = [];
    stream.on('data', (message: Message) => answers.push(message));
    for (const request of requests) stream.write(request);
    stream.end();
    await new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject));
    return answers;
  }

  test('lists the services', async () => {
    const { entryGrpc } = await runGrpc({ load: false });
    const [answer] = await reflect(entryGrpc, { host: 'h', list_services: '' });
    expect(answer.original_request).toMatchObject({ host: 'h', list_services: '' });
    expect(answer.list_services_response.service.map(({ name }: Message) => name).sort()).toEqual([
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
      'inference.GRPCInferenceService',
    ]);
  });

  test('gives what a client needs to call, and nothing else', async () => {
    const { entryGrpc } = await runGrpc();
    const [answer] = await reflect(entryGrpc, { file_containing_symbol: 'inference.GRPCInferenceService.ModelInfer' });
    const files: Buffer[] = answer.file_descriptor_response.file_descriptor_proto;
    // A FileDescriptorSet: its one field, repeated.
    const set = Buffer.concat(files.flatMap((file) => [Buffer.from([10, ...varint(file.length)]), file]));
    const made = loader.loadFileDescriptorSetFromBuffer(set, { keepCase: true, longs: Number });
    const client = clientOf(entryGrpc, made['inference.GRPCInferenceService'] as loader.ServiceDefinition);
    expect((await client.call('ModelInfer', digits())).message.outputs[0]).toMatchObject({ name: 'label' });
    const { message } = await client.call('ModelConfig', { name: 'm' });
    expect(message.config).toMatchObject({ name: 'm', backend: 'onnxruntime' });
  });

  test('knows files, messages, nested ones and enums; says what it does not know', async () => {
    const { entryGrpc } = await runGrpc({ load: false });
    const symbols = [
      'inference.ModelInferRequest.InferInputTensor',
      'inference.ModelInstanceGroup.Kind',
      'inference.DataType',
      'grpc.health.v1.HealthCheckResponse.ServingStatus',
    ];
    const answers = await reflect(
      entryGrpc,
      { file_by_filename: 'grpc_service.proto' },
      ...symbols.map((symbol) => ({ file_containing_symbol: symbol })),
      { all_extension_numbers_of_type: 'inference.ModelConfig' },
      { file_containing_symbol: 'inference.Nothing' },
      { file_by_filename: '../package.json' },
      { file_containing_extension: { containing_type: 'inference.ModelConfig', extension_number: 1 } },
      {},
    );
    const counts = answers.slice(0, 5).map(({ file_descriptor_response: found }) => found.file_descriptor_proto.length);
    expect(counts).toEqual([2, 2, 1, 1, 1]);
    expect(answers[5].all_extension_numbers_response).toMatchObject({ base_type_name: 'inference.ModelConfig' });
    expect(answers.slice(6).map(({ error_response: error }) => error.error_code)).toEqual([5, 5, 5, 3]);
  });
});

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

describe('descriptors.json', () => {
  test('is made from the .proto files as they are', async () => {
    expect(await readFile('runtime/grpc/descriptors.json', 'utf8')).toBe(await descriptorsText());
    expect(Object.keys(descriptors)).toEqual(PROTO_FILES);
  });
});
