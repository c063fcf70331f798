/** `inference.GRPCInferenceService`: each inference goes the way of `Inference`, split, shield and all. */
import { Readable } from 'node:stream';
import { type Answer, VERSION_HEADER } from '../answer.ts';
import { REQUEST_ERRORS, RequestError } from '../errors.ts';
import type { Call } from '../inference.ts';
import { repositoryIndex, repositoryReadOnly } from '../protocol/repository-index.ts';
import { REPOSITORY_EXTENSIONS } from '../routes/repository.ts';
import type { GrpcCall } from './call.ts';
import { GRPC_TYPE, oipGrpc } from './infer-codec.ts';
import { readHead } from './infer-request.ts';
import {
  encode,
  FLAG,
  type Message,
  MODEL_CONFIG_RESPONSE,
  MODEL_METADATA,
  MODEL_STATISTICS_RESPONSE,
  REPOSITORY_INDEX,
  readTexts,
  SERVER_METADATA,
} from './messages.ts';
import { notOffered, unary } from './methods.ts';
import { pathOf, type Question, questionsOf } from './questions.ts';
import { Reader, tagOf, VARINT } from './reader.ts';
import type { GrpcContext, Method, Methods } from './services.ts';
import { type Refusal, refusalOf } from './status.ts';
import { modelStreamInfer } from './stream-infer.ts';

const EXTENSIONS = [...REPOSITORY_EXTENSIONS, 'classification'];

export function inferenceMethods(context: GrpcContext): Methods {
  const { own, split, runtimeVersion } = context;
  const flag = (is: () => boolean) => unary(() => encode(FLAG, { flag: is() }));
  const server = { name: 'modelship', version: runtimeVersion, extensions: EXTENSIONS };
  const load = (action: 'load' | 'unload') =>
    unary((message) => {
      throw repositoryReadOnly(action, readTexts(message, { name: 2 }).name);
    });
  const memory = notOffered('the server shares no memory with its callers; send tensors in the request');
  const methods: Record<string, Method> = {
    ServerLive: flag(() => true),
    ServerReady: flag(() => own.ready),
    ServerMetadata: unary(() => encode(SERVER_METADATA, server)),
    ModelInfer: modelInfer(context),
    ModelStreamInfer: modelStreamInfer(context),
    ...askedMethods(context),
    RepositoryIndex: unary((message) => {
      return encode(REPOSITORY_INDEX, { models: repositoryIndex({ own, split }, readOnlyReady(message)) });
    }),
    RepositoryModelLoad: load('load'),
    RepositoryModelUnload: load('unload'),
    SystemSharedMemoryStatus: memory,
    SystemSharedMemoryRegister: memory,
    SystemSharedMemoryUnregister: memory,
    CudaSharedMemoryStatus: memory,
    CudaSharedMemoryRegister: memory,
    CudaSharedMemoryUnregister: memory,
    TraceSetting: notOffered('traces are not set by request; send a traceparent header, and it is passed on'),
    LogSettings: notOffered('the log is not set by request; state the level when the process is started'),
  };
  return Object.fromEntries(Object.entries(methods).map(([name, method]) => [pathOf(name), method]));
}

function readOnlyReady(message: Buffer): boolean {
  let ready = false;
  for (const reader = new Reader(message); reader.more; ) {
    const tag = reader.tag();
    if (tag === tagOf(2, VARINT)) ready = reader.bool();
    else reader.skip(tag);
  }
  return ready;
}

/** Metadata that is gRPC's or HTTP's own affair between the caller and this door. */
const NOT_CARRIED = new Set([
  'te',
  'host',
  'grpc-timeout',
  'grpc-encoding',
  'grpc-accept-encoding',
  'accept-encoding',
  'content-encoding',
  'content-length',
  'content-type',
]);

/** Of `:path` and other names that are HTTP's own. */
const COLON = 58;

/** A call as the inference path takes it: the message without its frame, the metadata as headers. */
export function callOf(
  call: GrpcCall,
  method: string,
  body: Buffer | undefined,
  asked: AskedFor,
  via: 'grpc' | 'grpc-stream' = 'grpc',
): Call {
  const headers: Call['headers'] = body ? { 'content-type': GRPC_TYPE } : {};
  for (const name in call.headers) {
    if (name.charCodeAt(0) !== COLON && !NOT_CARRIED.has(name)) headers[name] = call.headers[name];
  }
  return {
    method: body ? 'POST' : 'GET',
    url: pathOf(method),
    headers,
    body,
    model: asked.model,
    version: asked.version,
    timeoutMs: call.timeLeft,
    caller: call.caller,
    via,
    onGone: (callback) => call.onGone(callback),
  };
}

export interface AskedFor {
  model: string | undefined;
  version: string | undefined;
}

function modelInfer({ inference, recorder }: GrpcContext): Method {
  return (call) => {
    call.onRefused = (status) => recorder.refused(status);
    call.receiveOne((message) => {
      // From here on the inference path counts.
      call.onRefused = undefined;
      inference
        .infer(callOf(call, 'ModelInfer', message, readHead(message)), oipGrpc)
        .then((answer) => reply(call, answer))
        .catch((error) => call.refuse(error));
    });
  };
}

async function reply(call: GrpcCall, answer: Answer): Promise<void> {
  const { status, headers, body } = answer;
  if (status !== 200) return call.fail(await refusedAnswer(answer));
  const metadata = { [VERSION_HEADER]: headers[VERSION_HEADER] as string };
  const length = Number(headers['content-length']);
  if (body instanceof Readable && length >= 0) call.replyStream(body, length, metadata);
  else call.reply(await bytesOf(answer), metadata);
}

/** The error that an answer holds. */
export async function refusedAnswer(answer: Answer): Promise<Refusal> {
  return refusalOf(answer.status, answer.headers, (await bytesOf(answer)).toString());
}

/** @throws RequestError VERSION_UNAVAILABLE if it breaks off */
export async function bytesOf({ body }: Answer): Promise<Buffer> {
  if (Buffer.isBuffer(body)) return body;
  if (typeof body === 'string') return Buffer.from(body);
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of body) chunks.push(chunk as Buffer);
  } catch (error) {
    throw new RequestError('VERSION_UNAVAILABLE', `the answer broke off: ${(error as Error).message}`);
  }
  return Buffer.concat(chunks);
}

const RESPONSES: Record<Question, Message> = {
  ModelReady: FLAG,
  ModelMetadata: MODEL_METADATA,
  ModelConfig: MODEL_CONFIG_RESPONSE,
  ModelStatistics: MODEL_STATISTICS_RESPONSE,
};
/** Questions about a model, of this version or another. */
function askedMethods(context: GrpcContext): Record<Question, Method> {
  const { inference, own } = context;
  const questions = questionsOf(context);
  const ask = async (question: Question, message: Buffer, call: GrpcCall): Promise<Buffer | Refusal> => {
    const { name, version } = readTexts(message, { name: 1, version: 2 });
    // Triton takes no name for all models; there is one.
    const model = name === '' && question === 'ModelStatistics' ? own.model : name;
    const asked = callOf(call, question, undefined, { model, version: version || undefined });
    const answer = await inference.ask(asked, questions[question]);
    if (answer.status !== 200) return refusedAnswer(answer);
    return encode(RESPONSES[question], JSON.parse((await bytesOf(answer)).toString()));
  };
  const method = (question: Question) => unary((message, call) => ask(question, message, call));
  return {
    ModelReady: unary(async (message, call) => {
      const outcome = await ask('ModelReady', message, call).catch((error) => {
        if (error instanceof RequestError) return error;
        throw error;
      });
      return Buffer.isBuffer(outcome) || !UNREADY.has(outcome.status) ? outcome : encode(FLAG, { flag: false });
    }),
    ModelMetadata: method('ModelMetadata'),
    ModelConfig: method('ModelConfig'),
    ModelStatistics: method('ModelStatistics'),
  };
}

/** A version that says so, or does not answer. */
const UNREADY = new Set<number>([REQUEST_ERRORS.NOT_READY, REQUEST_ERRORS.VERSION_UNAVAILABLE]);
