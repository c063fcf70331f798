/** Writes protobuf. Fields of their default value are left to the caller to leave out. Pure. */
import { BYTES, FIXED32, FIXED64, tagOf, VARINT } from './reader.ts';

const LONGEST_VARINT = 10;

export class Writer {
  #bytes: Buffer;
  #at = 0;

  /** @param size of what will be written, about */
  constructor(size = 256) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  /** A whole number of 0 or more, up to 2^53. */
  uint(field: number, value: number): this {
    this.#tag(field, VARINT);
    this.#varint(value);
    return this;
  }

  /** Any whole number of an int32 or int64 field, up to ±2^53. */
  int(field: number, value: number): this {
    this.#tag(field, VARINT);
    this.#signed(value);
    return this;
  }

  bool(field: number, value: boolean): this {
    return this.uint(field, value ? 1 : 0);
  }

  string(field: number, value: string): this {
    const length = Buffer.byteLength(value);
    this.#tag(field, BYTES);
    this.#varint(length);
    this.#room(length);
    this.#at += this.#bytes.write(value, this.#at);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, BYTES);
    this.#varint(value.length);
    return this.raw(value);
  }

  /** Bytes as they are, such as fields that were written elsewhere. */
  raw(value: Uint8Array): this {
    this.#room(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  double(field: number, value: number): this {
    this.#tag(field, FIXED64);
    this.#room(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
    return this;
  }

  float(field: number, value: number): this {
    this.#tag(field, FIXED32);
    this.#room(4);
    this.#at = this.#bytes.writeFloatLE(value, this.#at);
    return this;
  }

  message(field: number, write: (into: this) => void): this {
    this.#tag(field, BYTES);
    this.#delimited(() => write(this));
    return this;
  }

  /** Packed int64 values, up to ±2^53. */
  ints(field: number, values: ArrayLike<number>): this {
    if (values.length === 0) return this;
    this.#tag(field, BYTES);
    this.#delimited(() => {
      for (let i = 0; i < values.length; i++) this.#signed(values[i] as number);
    });
    return this;
  }

  /** Packed 64-bit values. */
  longs(field: number, values: BigInt64Array | BigUint64Array): this {
    if (values.length === 0) return this;
    const halves = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
    this.#tag(field, BYTES);
    this.#delimited(() => {
      for (let i = 0; i < halves.length; i += 2) this.#halves(halves[i] as number, halves[i + 1] as number);
    });
    return this;
  }

  #tag(field: number, wireType: number): void {
    this.#varint(tagOf(field, wireType));
  }

  /** What is written inside, with its length before it: moved up if that takes more than a byte. */
  #delimited(write: () => void): void {
    const start = this.#at;
    this.#room(1);
    this.#at++;
    write();
    const length = this.#at - start - 1;
    let more = 0;
    for (let rest = length; rest >= 128; rest = Math.floor(rest / 128)) more++;
    if (more > 0) {
      this.#room(more);
      this.#bytes.copyWithin(start + 1 + more, start + 1, this.#at);
    }
    const end = this.#at + more;
    this.#at = start;
    this.#varint(length);
    this.#at = end;
  }

  #varint(value: number): void {
    this.#room(LONGEST_VARINT);
    let rest = value;
    while (rest >= 128) {
      this.#bytes[this.#at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#at++] = rest;
  }

  #signed(value: number): void {
    if (value >= 0) this.#varint(value);
    else this.#halves(value >>> 0, Math.floor(value / 2 ** 32) >>> 0);
  }

  #halves(low: number, high: number): void {
    this.#room(LONGEST_VARINT);
    let lower = low;
    let upper = high;
    while (upper > 0 || lower > 127) {
      this.#bytes[this.#at++] = (lower & 127) | 128;
      lower = ((lower >>> 7) | (upper << 25)) >>> 0;
      upper >>>= 7;
    }
    this.#bytes[this.#at++] = lower;
  }

  #room(length: number): void {
    const wanted = this.#at + length;
    if (wanted <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(wanted, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}
