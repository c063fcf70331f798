/** `parameters` of a message: `map<string, InferParameter>`. Pure. */
import type { Fields } from '../protocol/parameters.ts';
import { BYTES, FIXED64, type Reader, tagOf, VARINT } from './reader.ts';

/** Those that change what a request means. No others are kept, so that a message can't fill memory with names. */
const KNOWN = new Set(['classification', 'shared_memory_region', 'shared_memory_byte_size', 'shared_memory_offset']);

/**
 * Adds the parameter at the reader, an entry of the map, if it is one that means something here.
 * @param where names what bears it, in messages
 */
export function readParameter(reader: Reader, into: Fields | undefined, where: string): Fields | undefined {
  const entry = reader.child();
  let key = '';
  let value: unknown;
  while (entry.more) {
    const tag = entry.tag();
    if (tag === tagOf(1, BYTES)) key = entry.string(`the name of a parameter of ${where}`);
    else if (tag === tagOf(2, BYTES)) value = readValue(entry.child(), `parameter '${key}' of ${where}`);
    else entry.skip(tag);
  }
  return KNOWN.has(key) ? { ...into, [key]: value } : into;
}

function readValue(reader: Reader, where: string): unknown {
  let value: unknown;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === tagOf(1, VARINT)) value = reader.bool();
    else if (tag === tagOf(2, VARINT)) value = reader.int64();
    else if (tag === tagOf(3, BYTES)) value = reader.string(where);
    else if (tag === tagOf(4, FIXED64)) value = reader.double();
    else if (tag === tagOf(5, VARINT)) {
      reader.varint();
      value = reader.high * 2 ** 32 + reader.low;
    } else reader.skip(tag);
  }
  return value;
}
