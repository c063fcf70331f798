/** The scalar `TensorData`, and its way into and out of the JSON of the Open Inference Protocol. Pure. */
import { GraphQLError, Kind, type ValueNode } from 'graphql';
import type { Datatype } from '../protocol/datatypes.ts';
import type { Room } from './room.ts';

type Variables = { readonly [name: string]: unknown } | null | undefined;

/** What a scalar's resolver is for mercurius. */
export const tensorDataScalar = {
  serialize: (value: unknown) => value,
  parseValue: (value: unknown) => value,
  parseLiteral: fromLiteral,
};

function fromLiteral(node: ValueNode, variables: Variables): unknown {
  switch (node.kind) {
    case Kind.LIST:
      return node.values.map((value) => fromLiteral(value, variables));
    case Kind.INT:
      return Number.isSafeInteger(Number(node.value)) ? Number(node.value) : BigInt(node.value);
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.STRING:
    case Kind.BOOLEAN:
      return node.value;
    case Kind.VARIABLE:
      return variables?.[node.name.value];
    default:
      throw new GraphQLError('TensorData takes numbers, true, false, strings, and lists of them', { nodes: node });
  }
}

/** Not in TypeScript's library yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

const DIGITS = /^-?(?:0|[1-9]\d{0,19})$/;

const is64Bit = (datatype: string) => datatype === 'INT64' || datatype === 'UINT64';

/**
 * Values as `JSON.stringify` writes them exactly: digits in strings become numbers where the datatype has 64 bits.
 * @param room each value takes what it is written in at least @throws RequestError BODY_TOO_LARGE
 */
export function toJson(data: unknown, datatype: Datatype, room: Room): unknown {
  const digits = is64Bit(datatype);
  const walk = (value: unknown): unknown => {
    room.take(typeof value === 'string' ? value.length : 1);
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value === 'bigint') return rawJSON(String(value));
    // No datatype takes one, so that it need not be written out to be refused.
    if (typeof value === 'object' && value !== null) return {};
    return digits && typeof value === 'string' && DIGITS.test(value) ? rawJSON(value) : value;
  };
  return walk(data);
}

/** Values of an answer, flat: 64-bit integers as strings, since most readers of JSON round them. */
export function fromJson(data: readonly unknown[], datatype: string): readonly unknown[] {
  if (is64Bit(datatype)) return data.map(String);
  // A float beyond 2^53 is written as digits, which were read as an integer.
  return data.map((value) => (typeof value === 'bigint' ? Number(value) : value));
}
