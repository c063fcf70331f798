import type * as grpc from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { type Client, digits, held, type Message, rawDigits, runGrpc, runHeld } from './support.ts';

type Stream = grpc.ClientDuplexStream<object, Message>;

/** A stream, and what has come of it so far. */
function streamOf(client: Client) {
  const stream: Stream = client.raw.ModelStreamInfer();
  const answers: Message[] = [];
  stream.on('data', (message) => answers.push(message));
  stream.on('error', () => {});
  const ended = new Promise<grpc.StatusObject>((resolve) => stream.on('status', resolve));
  return { stream, answers, ended };
}

const values = (answers: Message[]) =>
  answers.map(({ infer_response: { outputs } }) => outputs[0]?.contents.fp32_contents[0]);
const ids = (answers: Message[]) => answers.map(({ infer_response }) => infer_response.id);

describe('a stream of inferences', () => {
  test('is answered in its order, each answer marked as the last of its request', async () => {
    const { client } = await runGrpc();
    const { stream, answers, ended } = streamOf(client);
    for (let i = 0; i < 40; i++) stream.write(i % 2 ? digits({ id: `${i}` }) : rawDigits({ id: `${i}` }));
    stream.end();
    expect((await ended).code).toBe(0);
    expect(ids(answers)).toEqual(Array.from({ length: 40 }, (_, i) => `${i}`));
    for (const { error_message, infer_response } of answers) {
      expect(error_message).toBe('');
      expect(infer_response).toMatchObject({ model_name: 'm', model_version: 'v1' });
      expect(infer_response.parameters.triton_final_response).toMatchObject({ bool_param: true });
    }
  });

  test('goes on after an inference that was refused', async () => {
    const { client } = await runGrpc();
    const { stream, answers, ended } = streamOf(client);
    stream.write(digits({ id: 'first' }));
    stream.write(digits({ id: 'second', inputs: [] }));
    stream.write(digits({ id: 'third', model_version: 'v9' }));
    stream.write(digits({ id: 'fourth' }));
    stream.end();
    expect((await ended).code).toBe(0);
    expect(ids(answers)).toEqual(['first', 'second', 'third', 'fourth']);
    expect(answers.map(({ error_message }) => error_message)).toEqual([
      '',
      "input 'image' is missing; the model takes FP32 [-1,64]",
      "there is no version 'v9' here; there is v1",
      '',
    ]);
    const codes = answers.map(({ infer_response: { parameters } }) => parameters['modelship-code']?.string_param);
    expect(codes).toEqual([undefined, 'MISSING_INPUT', 'VERSION_NOT_FOUND', undefined]);
  });

  test('has 16 inferences under way, and no more are read until one is answered', async () => {
    const { client, server, runner, waiting, finish } = await runHeld();
    const { stream, answers, ended } = streamOf(client);
    for (let i = 0; i < 50; i++) stream.write(held(i));
    stream.end();
    await waiting(16);
    // Time for more to come, if more were read.
    await client.call('ServerLive');
    expect([runner.pending, server.report().inFlight]).toEqual([16, 16]);
    await finish(answers, 50);
    expect((await ended).code).toBe(0);
    expect(values(answers)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  test('that the caller cancels takes back what was not run', async () => {
    const { client, runner, server, waiting, finish } = await runHeld();
    const { stream, ended } = streamOf(client);
    for (let i = 0; i < 5; i++) stream.write(held(i));
    await waiting(5);
    stream.cancel();
    expect((await ended).code).toBe(1);
    await waiting(1);
    await finish();
    expect(runner.pending).toBe(0);
    await expect.poll(() => server.report().inFlight, { timeout: 20_000 }).toBe(0);
  });

  test('is ended when the process drains, after what it was asked by then', async () => {
    const { client, server, waiting, finish } = await runHeld();
    const { stream, answers, ended } = streamOf(client);
    for (let i = 0; i < 3; i++) stream.write(held(i));
    await waiting(3);
    const closed = server.close(0);
    await new Promise((resolve) => setImmediate(resolve));
    await finish(answers, 3);
    const { code, details } = await ended;
    expect([code, details]).toEqual([14, expect.stringMatching(/shutting down; open the stream again/)]);
    expect(values(answers)).toEqual([0, 1, 2]);
    await closed;
  });
});
