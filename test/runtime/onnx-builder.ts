/** Writes tiny ONNX models without any dependency: just enough protobuf for graphs of a few nodes. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Element types of TensorProto. */
export const ELEMENT = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
  BF16: 16,
} as const;
export type Element = keyof typeof ELEMENT;

/** A number, or the name of a dimension that is not fixed. */
export type Dim = number | string;

export interface Value {
  name: string;
  element: Element;
  /** Undefined: of unknown rank. */
  shape?: readonly Dim[] | undefined;
  /** A sequence of such tensors. */
  sequence?: boolean;
}

export interface Node {
  op: string;
  inputs: readonly string[];
  outputs: readonly string[];
  domain?: string;
  /** Integer attributes. */
  ints?: Record<string, number>;
}

/** Weights: in the file, or in one beside it. */
export interface Initializer {
  name: string;
  element: Element;
  dims: readonly number[];
  data: Buffer | { location: string; offset: number; length: number };
}

export interface Graph {
  initializers?: readonly Initializer[];
  inputs: readonly Value[];
  outputs: readonly Value[];
  nodes: readonly Node[];
  opset?: number;
  irVersion?: number;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return bytes;
}

const number = (field: number, value: number): Buffer => Buffer.from([...varint(field * 8), ...varint(value)]);

function bytes(field: number, ...parts: (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  return Buffer.concat([Buffer.from([...varint(field * 8 + 2), ...varint(body.length)]), body]);
}

function tensorType({ element, shape }: Value): Buffer {
  const dims = shape?.map((dim) => bytes(1, typeof dim === 'number' ? number(1, dim) : bytes(2, dim)));
  return bytes(1, number(1, ELEMENT[element]), ...(dims ? [bytes(2, ...dims)] : []));
}

function valueInfo(value: Value): Buffer {
  const type = value.sequence ? bytes(4, bytes(1, tensorType(value))) : tensorType(value);
  return Buffer.concat([bytes(1, value.name), bytes(2, type)]);
}

function nodeProto({ op, inputs, outputs, domain, ints }: Node): Buffer {
  const attributes = Object.entries(ints ?? {}).map(([name, value]) =>
    bytes(5, bytes(1, name), number(3, value), number(20, 2)),
  );
  return Buffer.concat([
    ...inputs.map((name) => bytes(1, name)),
    ...outputs.map((name) => bytes(2, name)),
    bytes(4, op),
    ...attributes,
    ...(domain ? [bytes(7, domain)] : []),
  ]);
}

function tensorProto({ name, element, dims, data }: Initializer): Buffer {
  const entry = (key: string, value: string | number) => bytes(13, bytes(1, key), bytes(2, String(value)));
  const content = Buffer.isBuffer(data)
    ? [bytes(9, data)]
    : [...Object.entries(data).map(([key, value]) => entry(key, value)), number(14, 1)];
  return Buffer.concat([...dims.map((dim) => number(1, dim)), number(2, ELEMENT[element]), bytes(8, name), ...content]);
}

/** The bytes of a ModelProto. */
export function onnx({ inputs, outputs, nodes, initializers = [], opset = 17, irVersion = 8 }: Graph): Buffer {
  const graph = bytes(
    7,
    ...nodes.map((node) => bytes(1, nodeProto(node))),
    bytes(2, 'test'),
    ...initializers.map((initializer) => bytes(5, tensorProto(initializer))),
    ...inputs.map((input) => bytes(11, valueInfo(input))),
    ...outputs.map((output) => bytes(12, valueInfo(output))),
  );
  const domains = new Set(nodes.map((node) => node.domain).filter((domain) => domain !== undefined));
  const imports = [...domains].map((domain) => bytes(8, bytes(1, domain), number(2, 1)));
  return Buffer.concat([number(1, irVersion), graph, bytes(8, bytes(1, ''), number(2, opset)), ...imports]);
}

/** A model that gives back what it gets: input `x`, output `y`. */
export function identity(element: Element, dims: readonly Dim[] | 'any rank' = ['n']): Buffer {
  const shape = dims === 'any rank' ? undefined : dims;
  return onnx({
    inputs: [{ name: 'x', element, shape }],
    outputs: [{ name: 'y', element, shape }],
    nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
  });
}

/** `a + b` of one element type, both of shape [n]. */
export function addition(element: Element): Buffer {
  return onnx({
    inputs: [
      { name: 'a', element, shape: ['n'] },
      { name: 'b', element, shape: ['n'] },
    ],
    outputs: [{ name: 'sum', element, shape: ['n'] }],
    nodes: [{ op: 'Add', inputs: ['a', 'b'], outputs: ['sum'] }],
  });
}

/** Writes a model into a folder. @returns its path */
export async function writeModel(folder: string, model: Buffer, name = 'model.onnx'): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, model);
  return path;
}
