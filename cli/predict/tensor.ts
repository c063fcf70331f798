/** Nested arrays → one tensor in the shape that the model wants. Pure. */
import type { TensorMetadata } from '../../api/pod-report.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { type RequestTensor, shapeText, typeText } from './example.ts';

/**
 * The values as they are when their shape is the model's; else one item of a batch: `[0, …]` for [n, 64] is [1, 64];
 * else a flat list cut to the one dimension that is not fixed: `[1, 2, 3]` for [n, 1] is [3, 1].
 * @throws CliError naming both shapes, or the first value of a wrong kind
 */
export function tensorOf(value: unknown, input: TensorMetadata): RequestTensor {
  const { name, datatype } = input;
  const given = shapeOf(value, name);
  const data = Array.isArray(value) ? (value.flat(Number.POSITIVE_INFINITY) as unknown[]) : [value];
  const shape = [given, [1, ...given], cutFlat(given, input.shape)].find((s) => s && matches(s, input.shape));
  if (!shape) throw wrong(`${name} wants ${typeText(input)}; the input has the shape ${shapeText(given)}`);
  for (const item of data) checkValue(item, input);
  return { name, datatype, shape, data };
}

/** @throws CliError for lists of different lengths */
function shapeOf(value: unknown, name: string): number[] {
  if (!Array.isArray(value)) return [];
  const [first] = value;
  const inner = shapeOf(first, name);
  for (const item of value) {
    const other = shapeOf(item, name);
    if (other.join() === inner.join()) continue;
    throw wrong(`${name}: the rows differ in shape: ${shapeText(inner)} and ${shapeText(other)}`);
  }
  return [value.length, ...inner];
}

function matches(shape: readonly number[], wanted: readonly number[]): boolean {
  return shape.length === wanted.length && wanted.every((size, at) => size < 0 || size === shape[at]);
}

function cutFlat(given: readonly number[], wanted: readonly number[]): number[] | undefined {
  if (given.length > 1 || wanted.filter((size) => size < 0).length !== 1) return undefined;
  const count = given[0] ?? 1;
  const fixed = wanted.reduce((product, size) => (size < 0 ? product : product * size), 1);
  if (fixed === 0 || count % fixed !== 0) return undefined;
  return wanted.map((size) => (size < 0 ? count / fixed : size));
}

function checkValue(value: unknown, { name, datatype }: TensorMetadata): void {
  const kind = datatype === 'BYTES' ? 'string' : datatype === 'BOOL' ? 'boolean' : 'number';
  if (typeof value !== kind) throw wrong(`${name} wants ${datatype}; the input has ${JSON.stringify(value)}`);
  if (datatype.endsWith('64') && datatype !== 'FP64' && !Number.isSafeInteger(value)) {
    throw wrong(`${name}: ${value} is not a whole number that JSON can carry exactly`);
  }
}

const wrong = (message: string) => new CliError(message, EXIT.usage);
