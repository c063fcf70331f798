/** Builders of requests and answers with binary tensors. */
import { rawOf } from '../../../runtime/protocol/binary-tensor.ts';
import type { Tensor } from '../../../runtime/protocol/datatypes.ts';

export const LENGTH = 'inference-header-content-length';

export interface BinaryRequest {
  headers: Record<string, string>;
  body: Buffer;
}

/** A request of a JSON head and what follows it. */
export function binaryRequest(head: unknown, ...raws: readonly Uint8Array[]): BinaryRequest {
  const json = Buffer.from(JSON.stringify(head));
  return { headers: { [LENGTH]: String(json.length) }, body: Buffer.concat([json, ...raws]) };
}

/** An input as the head has it when its data follow in binary. */
export function binaryInput({ name, datatype, shape, data }: Tensor) {
  return { name, datatype, shape, parameters: { binary_data_size: rawOf({ datatype, data }).length } };
}

export interface BinaryAnswer {
  // biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes; each field is asserted by its test
  json: any;
  /** Bytes of each output that has some. */
  raws: Buffer[];
}

/** Takes an answer apart; throws unless its parts are as long as they say. */
export function readAnswer(headers: { get(name: string): string | null }, body: Buffer): BinaryAnswer {
  const length = Number(headers.get(LENGTH));
  const json = JSON.parse(body.subarray(0, length).toString());
  let at = length;
  const raws: Buffer[] = [];
  for (const { parameters } of json.outputs) {
    if (parameters?.binary_data_size === undefined) continue;
    raws.push(body.subarray(at, at + parameters.binary_data_size));
    at += parameters.binary_data_size;
  }
  if (at !== body.length) throw new Error(`the answer has ${body.length} bytes, its parts ${at}`);
  return { json, raws };
}
