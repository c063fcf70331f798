/** A mirrored request as it goes to the other version, and its answer: the Open Inference Protocol over REST, binary. Pure. */
import type { IncomingHttpHeaders } from 'node:http';
import { JSON_LENGTH_HEADER, splitParts } from '../protocol/binary-part.ts';
import { rawOf, readRaw } from '../protocol/binary-tensor.ts';
import { DATATYPES, type Datatype, sizeOf, type Tensor } from '../protocol/datatypes.ts';

export interface WrittenCopy {
  headers: Record<string, string>;
  body: Buffer;
}

/** @param outputs names of those to compute; undefined: all that the version has */
export function writeCopy(inputs: readonly Tensor[], outputs: readonly string[] | undefined): WrittenCopy {
  const parts: Buffer[] = [];
  const heads = inputs.map((input) => {
    const raw = rawOf(input);
    parts.push(raw);
    const { name, datatype, shape } = input;
    return { name, datatype, shape, parameters: { binary_data_size: raw.length } };
  });
  const json = Buffer.from(
    JSON.stringify({
      parameters: { binary_data_output: true },
      inputs: heads,
      ...(outputs && { outputs: outputs.map((name) => ({ name })) }),
    }),
  );
  return {
    headers: { 'content-type': 'application/octet-stream', [JSON_LENGTH_HEADER]: String(json.length) },
    body: Buffer.concat([json, ...parts]),
  };
}

/** @throws Error if it is not what such a request is answered with */
export function readCopyAnswer(body: Buffer, headers: IncomingHttpHeaders): Tensor[] {
  const { json, binary } = splitParts(body, headers);
  const { outputs } = JSON.parse(json.toString()) as { outputs?: unknown };
  if (!Array.isArray(outputs) || binary === undefined) throw new Error('it has no binary outputs');
  let at = 0;
  return outputs.map((output) => {
    const { name, datatype, shape, size } = headOf(output);
    if (at + size > binary.length) throw new Error(`output '${name}' is cut short`);
    const raw = binary.subarray(at, at + size);
    at += size;
    return { name, datatype, shape, data: readRaw(raw, datatype, sizeOf(shape), `output '${name}'`) };
  });
}

function headOf(output: unknown): { name: string; datatype: Datatype; shape: number[]; size: number } {
  const { name, datatype, shape, parameters } = (output ?? {}) as Record<string, unknown>;
  const size = (parameters as { binary_data_size?: unknown } | undefined)?.binary_data_size;
  if (typeof name !== 'string' || !DATATYPES.includes(datatype as Datatype)) throw new Error('it has an odd output');
  if (!Array.isArray(shape) || !shape.every(isCount) || !isCount(size)) throw new Error(`output '${name}' is odd`);
  return { name, datatype: datatype as Datatype, shape, size };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
