/** Small messages ↔ plain objects, by tables: field name → number and kind, as `proto/` has them. Pure. */
import { BYTES, Reader, tagOf } from './reader.ts';
import { Writer } from './writer.ts';

type Kind =
  | 'string'
  | 'bytes'
  | 'bool'
  | 'uint'
  | 'int'
  | { readonly enum: Readonly<Record<string, number>> }
  | Message;

/** `[number, kind]`; with a third entry it is repeated. Fields that a value has and the table has not are left out. */
export interface Message {
  readonly fields: Readonly<Record<string, readonly [number, Kind] | readonly [number, Kind, 'repeated']>>;
}

type Value = Readonly<Record<string, unknown>>;

/** A message with what `value` holds of its fields. */
export function encode(message: Message, value: object): Buffer {
  const writer = new Writer(128);
  write(writer, message, value as Value);
  return writer.finish();
}

function write(writer: Writer, { fields }: Message, value: Value): void {
  for (const [name, [number, kind, repeated]] of Object.entries(fields)) {
    const given = value[name];
    if (given === undefined) continue;
    if (!repeated) writeField(writer, number, kind, given);
    else if (kind === 'int') writer.ints(number, given as number[]);
    else for (const each of given as unknown[]) writeField(writer, number, kind, each);
  }
}

function writeField(writer: Writer, number: number, kind: Kind, value: unknown): void {
  if (typeof kind === 'object') {
    if ('enum' in kind) writer.uint(number, kind.enum[value as string] ?? 0);
    else writer.message(number, () => write(writer, kind, value as Value));
  } else if (kind === 'string') writer.string(number, value as string);
  else if (kind === 'bytes') writer.bytes(number, value as Buffer);
  else if (kind === 'bool') writer.bool(number, value as boolean);
  else if (kind === 'int') writer.int(number, value as number);
  else writer.uint(number, value as number);
}

/**
 * The text fields of a message, empty where they are not there. Others are skipped.
 * @throws RequestError INVALID_REQUEST
 */
export function readTexts<Name extends string>(body: Buffer, numbers: Record<Name, number>): Record<Name, string> {
  const texts = {} as Record<Name, string>;
  const names = new Map<number, Name>();
  for (const name of Object.keys(numbers) as Name[]) {
    texts[name] = '';
    names.set(tagOf(numbers[name], BYTES), name);
  }
  for (const reader = new Reader(body); reader.more; ) {
    const tag = reader.tag();
    const name = names.get(tag);
    if (name === undefined) reader.skip(tag);
    else texts[name] = reader.string(name);
  }
  return texts;
}

const fields = (table: Message['fields']): Message => ({ fields: table });

export const EMPTY = fields({});
/** ServerLive, ServerReady, ModelReady. */
export const FLAG = fields({ flag: [1, 'bool'] });
export const SERVER_METADATA = fields({
  name: [1, 'string'],
  version: [2, 'string'],
  extensions: [3, 'string', 'repeated'],
});

const TENSOR_METADATA = fields({ name: [1, 'string'], datatype: [2, 'string'], shape: [3, 'int', 'repeated'] });
export const MODEL_METADATA = fields({
  name: [1, 'string'],
  versions: [2, 'string', 'repeated'],
  platform: [3, 'string'],
  inputs: [4, TENSOR_METADATA, 'repeated'],
  outputs: [5, TENSOR_METADATA, 'repeated'],
});

const DATA_TYPES = {
  enum: {
    TYPE_BOOL: 1,
    TYPE_UINT8: 2,
    TYPE_UINT16: 3,
    TYPE_UINT32: 4,
    TYPE_UINT64: 5,
    TYPE_INT8: 6,
    TYPE_INT16: 7,
    TYPE_INT32: 8,
    TYPE_INT64: 9,
    TYPE_FP16: 10,
    TYPE_FP32: 11,
    TYPE_FP64: 12,
    TYPE_STRING: 13,
  },
};
const MODEL_CONFIG = fields({
  name: [1, 'string'],
  platform: [2, 'string'],
  backend: [17, 'string'],
  version_policy: [3, fields({ all: [2, EMPTY] })],
  max_batch_size: [4, 'int'],
  input: [5, fields({ name: [1, 'string'], data_type: [2, DATA_TYPES], dims: [4, 'int', 'repeated'] }), 'repeated'],
  output: [6, fields({ name: [1, 'string'], data_type: [2, DATA_TYPES], dims: [3, 'int', 'repeated'] }), 'repeated'],
  instance_group: [
    7,
    fields({
      name: [1, 'string'],
      kind: [4, { enum: { KIND_AUTO: 0, KIND_GPU: 1, KIND_CPU: 2, KIND_MODEL: 3 } }],
      count: [2, 'int'],
      gpus: [3, 'int', 'repeated'],
    }),
    'repeated',
  ],
  dynamic_batching: [11, fields({ max_queue_delay_microseconds: [2, 'uint'] })],
  response_cache: [24, fields({ enable: [1, 'bool'] })],
  model_transaction_policy: [19, fields({ decoupled: [1, 'bool'] })],
});
export const MODEL_CONFIG_RESPONSE = fields({ config: [1, MODEL_CONFIG] });

const COUNT = fields({ count: [1, 'uint'], ns: [2, 'uint'] });
const INFERENCE_STATS = fields({
  success: [1, COUNT],
  fail: [2, COUNT],
  queue: [3, COUNT],
  compute_input: [4, COUNT],
  compute_infer: [5, COUNT],
  compute_output: [6, COUNT],
  cache_hit: [7, COUNT],
  cache_miss: [8, COUNT],
});
const BATCH_STATS = fields({
  batch_size: [1, 'uint'],
  compute_input: [2, COUNT],
  compute_infer: [3, COUNT],
  compute_output: [4, COUNT],
});
const MODEL_STATISTICS = fields({
  name: [1, 'string'],
  version: [2, 'string'],
  last_inference: [3, 'uint'],
  inference_count: [4, 'uint'],
  execution_count: [5, 'uint'],
  inference_stats: [6, INFERENCE_STATS],
  batch_stats: [7, BATCH_STATS, 'repeated'],
});
export const MODEL_STATISTICS_RESPONSE = fields({ model_stats: [1, MODEL_STATISTICS, 'repeated'] });

const MODEL_INDEX = fields({
  name: [1, 'string'],
  version: [2, 'string'],
  state: [3, 'string'],
  reason: [4, 'string'],
});
export const REPOSITORY_INDEX = fields({ models: [1, MODEL_INDEX, 'repeated'] });

const INFER_PARAMETER = fields({ bool_param: [1, 'bool'], string_param: [3, 'string'] });
const PARAMETER = fields({ key: [1, 'string'], value: [2, INFER_PARAMETER] });
/** What an answer of a stream says beside its outputs. */
export const INFER_RESPONSE = fields({
  model_name: [1, 'string'],
  model_version: [2, 'string'],
  id: [3, 'string'],
  parameters: [4, PARAMETER, 'repeated'],
});
export const STREAM_RESPONSE = fields({ error_message: [1, 'string'], infer_response: [2, 'bytes'] });

const SERVING_STATUS = { enum: { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } };
export const HEALTH = fields({ status: [1, SERVING_STATUS] });
export const HEALTH_LIST = fields({ statuses: [1, fields({ key: [1, 'string'], value: [2, HEALTH] }), 'repeated'] });

const FILES = fields({ file_descriptor_proto: [1, 'bytes', 'repeated'] });
const SERVICES = fields({ service: [1, fields({ name: [1, 'string'] }), 'repeated'] });
export const REFLECTION = fields({
  valid_host: [1, 'string'],
  original_request: [2, 'bytes'],
  file_descriptor_response: [4, FILES],
  all_extension_numbers_response: [5, fields({ base_type_name: [1, 'string'] })],
  list_services_response: [6, SERVICES],
  error_response: [7, fields({ error_code: [1, 'int'], error_message: [2, 'string'] })],
});
