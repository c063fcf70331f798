/**
 * Reads protobuf (https://protobuf.dev/programming-guides/encoding/) from bytes that nobody vouches for. Unknown fields are
 * skipped as wholes, never walked, so nothing that is nested deep is ever entered. Pure.
 */
import { isUtf8 } from 'node:buffer';
import { RequestError } from '../errors.ts';

export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

/** `tag()` of a field on the wire: what a `switch` compares with. */
export function tagOf(field: number, wireType: number): number {
  return field * 8 + wireType;
}

export class Reader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;
  /** The last varint, as two halves; see `int64`. */
  low = 0;
  high = 0;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get more(): boolean {
    return this.#at < this.#end;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** The next field: its number times 8, and its wire type. */
  tag(): number {
    this.varint();
    const tag = this.low;
    if (this.high !== 0 || tag < 8) throw malformed('a field has a number that is none');
    return tag;
  }

  /** Reads one into `low` and `high`. */
  varint(): void {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#at;
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      if (at >= end) throw malformed('it ends in the middle of a number');
      if (shift === 70) throw malformed('a number is longer than 10 bytes');
      const byte = bytes[at++] as number;
      const bits = byte & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= (bits & 1) << 31;
      if (byte < 128) break;
    }
    this.#at = at;
    this.low = low >>> 0;
    this.high = high >>> 0;
  }

  /** As `int32` has it: what is beyond 32 bits is cut, as protobuf says. */
  int32(): number {
    this.varint();
    return this.low | 0;
  }

  /** As `int64` has it. Exact up to ±2^53; what is beyond stays beyond. */
  int64(): number {
    this.varint();
    return (this.high | 0) * 2 ** 32 + this.low;
  }

  bool(): boolean {
    this.varint();
    return this.low !== 0 || this.high !== 0;
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#step(8));
  }

  /** The bytes of a length-delimited field: a view. */
  bytes(): Buffer {
    const length = this.length();
    const start = this.#step(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** A reader of the message, or the packed values, of a length-delimited field. */
  child(): Reader {
    const length = this.length();
    const start = this.#step(length);
    return new Reader(this.#bytes, start, start + length);
  }

  /** @param what names it in messages */
  string(what: string): string {
    const length = this.length();
    const start = this.#step(length);
    const text = this.#bytes.toString('utf8', start, start + length);
    // Bytes that are no UTF-8 decode to U+FFFD; so does U+FFFD itself.
    if (text.includes('\ufffd') && !isUtf8(this.#bytes.subarray(start, start + length))) {
      throw malformed(`${what} is not UTF-8`);
    }
    return text;
  }

  /** Bytes of a length-delimited field, which are there. */
  length(): number {
    this.varint();
    if (this.high !== 0 || this.low > this.left) {
      const said = this.high * 2 ** 32 + this.low;
      throw malformed(`a field says that it has ${said} bytes, but ${this.left} are left`);
    }
    return this.low;
  }

  /** Steps over the value of the field whose tag was read: a message may hold fields that are newer than this reader. */
  skip(tag: number): void {
    switch (tag & 7) {
      case VARINT:
        this.varint();
        return;
      case FIXED64:
        this.#step(8);
        return;
      case BYTES:
        this.#step(this.length());
        return;
      case FIXED32:
        this.#step(4);
        return;
      case 3:
      case 4:
        throw malformed('it has a group, which proto3 does not know');
      default:
        throw malformed(`a field has the wire type ${tag & 7}, which is none`);
    }
  }

  /** Bytes without a length before them: a view. */
  take(length: number): Buffer {
    const start = this.#step(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** How many varints the bytes that are left hold; reads none of them. */
  countVarints(): number {
    let count = 0;
    for (let at = this.#at; at < this.#end; at++) if ((this.#bytes[at] as number) < 128) count++;
    return count;
  }

  #step(length: number): number {
    const start = this.#at;
    if (length > this.#end - start) throw malformed('it ends in the middle of a field');
    this.#at = start + length;
    return start;
  }
}

export function malformed(what: string): RequestError {
  return new RequestError('INVALID_REQUEST', `the message is not the protobuf that it must be: ${what}`);
}
