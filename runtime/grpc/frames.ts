/** gRPC's length-prefixed messages (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). Pure. */
import { RequestError } from '../errors.ts';

const PREFIX = 5;
/** A chunk smaller than this is copied behind others: each array costs a hundred bytes, and a caller may send single ones. */
const SMALL_CHUNK = 1_024;
const TAIL = 2_048;

export interface Framed {
  message: Buffer;
  compressed: boolean;
}

/** Cuts what arrives into messages. Holds what has arrived and no more, whatever a prefix claims. */
export class FrameReader {
  readonly #most: number;
  #chunks: Buffer[] = [];
  #held = 0;
  /** What small chunks are copied into, and how much of it is used: the last of the chunks then. */
  #tail: Buffer | undefined;
  #tailUsed = 0;

  /** @param most bytes that a message may have on the wire */
  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes of messages that are not whole, or were not taken yet. */
  get held(): number {
    return this.#held;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#held += chunk.length;
    if (this.#chunks.length === 0 || chunk.length >= SMALL_CHUNK) {
      this.#tail = undefined;
      this.#chunks.push(chunk);
      return;
    }
    const last = this.#chunks.length - 1;
    if (this.#tail && this.#tailUsed + chunk.length <= TAIL) {
      const grown = (this.#chunks[last] as Buffer).length + chunk.length;
      this.#tail.set(chunk, this.#tailUsed);
      this.#tailUsed += chunk.length;
      this.#chunks[last] = this.#tail.subarray(this.#tailUsed - grown, this.#tailUsed);
    } else {
      this.#tail = Buffer.allocUnsafe(TAIL);
      this.#tail.set(chunk);
      this.#tailUsed = chunk.length;
      this.#chunks.push(this.#tail.subarray(0, chunk.length));
    }
  }

  /**
   * Bytes that the next message has with its prefix; undefined while that is not there.
   * @throws RequestError BODY_TOO_LARGE, INVALID_REQUEST
   */
  expected(): number | undefined {
    if (this.#held < PREFIX) return undefined;
    const first = this.#joined(PREFIX);
    const flag = first[0] as number;
    const length = first.readUInt32BE(1);
    if (flag > 1)
      throw new RequestError('INVALID_REQUEST', `a message begins with the flag ${flag}; it must be 0 or 1`);
    if (length > this.#most) throw tooLarge(length, this.#most);
    return PREFIX + length;
  }

  /**
   * The next message that is whole: a view if it came in one piece.
   * @throws RequestError BODY_TOO_LARGE, INVALID_REQUEST, as soon as its prefix is there
   */
  next(): Framed | undefined {
    const size = this.expected();
    if (size === undefined || this.#held < size) return undefined;
    const whole = this.#joined(size);
    this.#held -= size;
    if (whole.length === size) this.#chunks.shift();
    else this.#chunks[0] = whole.subarray(size);
    return { message: whole.subarray(PREFIX, size), compressed: whole[0] === 1 };
  }

  /** The first chunk, made to hold that many bytes at least; they are there. */
  #joined(length: number): Buffer {
    const first = this.#chunks[0] as Buffer;
    if (first.length >= length) return first;
    let count = 0;
    for (let have = 0; have < length; count++) have += (this.#chunks[count] as Buffer).length;
    const joined = Buffer.concat(this.#chunks.slice(0, count));
    this.#chunks.splice(0, count, joined);
    if (this.#chunks.length === 1) this.#tail = undefined;
    return joined;
  }
}

export function tooLarge(length: number, most: number): RequestError {
  const limit = `the limit here is ${most} (serving.limits.body)`;
  return new RequestError('BODY_TOO_LARGE', `the message says that it has ${length} bytes; ${limit}`);
}

/** A message with its prefix, uncompressed. */
export function framed(message: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(PREFIX + message.length);
  prefixInto(bytes, message.length);
  bytes.set(message, PREFIX);
  return bytes;
}

/** The prefix alone, for a message that follows by itself. */
export function prefixOf(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(PREFIX);
  prefixInto(bytes, length);
  return bytes;
}

function prefixInto(bytes: Buffer, length: number): void {
  bytes[0] = 0;
  bytes.writeUInt32BE(length, 1);
}
