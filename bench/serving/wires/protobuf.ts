/** As much of the protobuf wire format as the benchmark needs. https://protobuf.dev/programming-guides/encoding/ */

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

const LENGTH_DELIMITED = 2;

/** A field of bytes, text, a message or packed numbers. */
export function field(number: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([varint(number * 8 + LENGTH_DELIMITED), varint(bytes.length), bytes]);
}

export interface Field {
  number: number;
  /** Length-delimited fields only; empty for others. */
  bytes: Buffer;
}

/** The fields of a message in their order. @throws RangeError when it ends early or has a group */
export function fields(message: Buffer): Field[] {
  const found: Field[] = [];
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 0x80) {
      const byte = message.readUInt8(at++);
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = readVarint();
    const number = Math.floor(tag / 8);
    const size = sizeOf(tag % 8, readVarint);
    if (at + size > message.length) throw new RangeError('the message ends inside a field');
    found.push({ number, bytes: message.subarray(at, at + size) });
    at += size;
  }
  return found;
}

/** Bytes of a field's value after its tag; a varint's value is consumed. */
function sizeOf(type: number, readVarint: () => number): number {
  if (type === 0) {
    readVarint();
    return 0;
  }
  if (type === 1) return 8;
  if (type === 5) return 4;
  if (type === LENGTH_DELIMITED) return readVarint();
  throw new RangeError(`wire type ${type}`);
}
