/** The field `infer`: a request of the Open Inference Protocol, on its way as any other. */
import type { IncomingHttpHeaders } from 'node:http';
import { type Answer, VERSION_HEADER } from '../answer.ts';
import { RequestError } from '../errors.ts';
import type { Call, Inference } from '../inference.ts';
import type { Datatype } from '../protocol/datatypes.ts';
import { parseJson } from '../protocol/json-text.ts';
import { oipRest } from '../protocol/oip-rest.ts';
import { failedInference } from './failures.ts';
import { Room } from './room.ts';
import { fromJson, toJson } from './tensor-data.ts';

export interface InferArguments {
  model: string;
  version?: string | null;
  id?: string | null;
  inputs: { name: string; datatype: Datatype; shape: number[]; data: unknown }[];
  outputs?: string[] | null;
}

export interface InferResult {
  modelName: string;
  modelVersion: string;
  id: string | undefined;
  outputs: { name: string; datatype: string; shape: number[]; data: readonly unknown[] }[];
}

/** An answer is held whole and parsed: a larger one is for REST. */
const MOST_ANSWER_BYTES = 64 * 1024 * 1024;

/** Say what the GraphQL request's body is, which is another one. */
const OF_THE_BODY = ['content-encoding', 'inference-header-content-length', 'accept-encoding'];

/** The inferences of one GraphQL operation: they share the caller, and a bound on their bytes. */
export class Inferences {
  /** Versions that answered. */
  readonly versions = new Set<string>();
  readonly #inference: Inference;
  readonly #call: Call;
  readonly #url: string;
  readonly #room: Room;
  readonly #gone = new Set<() => void>();
  #listening = false;

  /**
   * @param call the GraphQL request's own
   * @param bodyBytes most bytes of all requests together
   */
  constructor(inference: Inference, call: Call, model: string, bodyBytes: number) {
    this.#inference = inference;
    this.#url = `/v2/models/${encodeURIComponent(model)}/infer`;
    this.#room = new Room(bodyBytes);
    const headers: IncomingHttpHeaders = { ...call.headers, 'content-type': 'application/json' };
    for (const name of OF_THE_BODY) delete headers[name];
    this.#call = {
      ...call,
      method: 'POST',
      url: this.#url,
      headers,
      via: 'graphql',
      onGone: (callback) => this.#onGone(callback, call),
    };
  }

  /** @throws RequestError, or GraphQLError with the code that was answered */
  async infer({ model, version, ...asked }: InferArguments): Promise<InferResult> {
    const before = this.#room.left;
    const body = writeRequest(asked, this.#room);
    this.#room.take(body.length - (before - this.#room.left));
    const answer = await this.#inference.infer({ ...this.#call, body, model, version: version ?? undefined }, oipRest);
    const text = await textOf(answer.body);
    const by = answer.headers[VERSION_HEADER];
    if (by !== undefined) this.versions.add(by);
    if (answer.status !== 200) throw failedInference(answer, text.toString());
    return readAnswer(text);
  }

  /** One listener on the connection, however many inferences wait. */
  #onGone(callback: () => void, call: Call): () => void {
    if (!this.#listening) {
      this.#listening = true;
      call.onGone(() => {
        for (const each of this.#gone) each();
      });
    }
    this.#gone.add(callback);
    return () => this.#gone.delete(callback);
  }
}

function writeRequest({ id, inputs, outputs }: Omit<InferArguments, 'model' | 'version'>, room: Room): Buffer {
  for (const text of [id, ...(outputs ?? []), ...inputs.map(({ name }) => name)]) room.take(text?.length ?? 0);
  try {
    return Buffer.from(
      JSON.stringify({
        ...(typeof id === 'string' && { id }),
        inputs: inputs.map(({ name, datatype, shape, data }) => ({
          name,
          datatype,
          shape,
          data: toJson(data, datatype, room),
        })),
        ...(outputs && { outputs: outputs.map((name) => ({ name })) }),
      }),
    );
  } catch (error) {
    if (error instanceof RangeError) throw new RequestError('INPUT_DATA', 'the data is nested too deep, or too long');
    throw error;
  }
}

async function textOf(body: Answer['body']): Promise<Buffer> {
  if (typeof body === 'string') return bounded(Buffer.from(body));
  if (Buffer.isBuffer(body)) return bounded(body);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MOST_ANSWER_BYTES) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof RequestError) throw error;
    throw new RequestError('VERSION_UNAVAILABLE', 'the answer of the other version was cut short; try again');
  }
  return Buffer.concat(chunks);
}

function bounded(text: Buffer): Buffer {
  if (text.length > MOST_ANSWER_BYTES) throw tooLarge();
  return text;
}

function tooLarge(): RequestError {
  const message = `the answer is larger than ${MOST_ANSWER_BYTES} bytes: ask for fewer outputs or items, or over REST`;
  return new RequestError('INVALID_REQUEST', message);
}

interface WrittenAnswer {
  model_name: string;
  model_version: string;
  id?: string;
  outputs: { name: string; datatype: string; shape: number[]; data: unknown[] }[];
}

function readAnswer(text: Buffer): InferResult {
  const { model_name, model_version, id, outputs } = parseJson(text, true) as WrittenAnswer;
  return {
    modelName: model_name,
    modelVersion: model_version,
    id,
    outputs: outputs.map(({ data, ...output }) => ({ ...output, data: fromJson(data, output.datatype) })),
  };
}
