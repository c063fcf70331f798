/** The binary tensor data extension, as Triton and KServe define it: what follows the JSON of a request. */
import type { IncomingHttpHeaders } from 'node:http';
import { RequestError } from '../errors.ts';
import { type Fields, readCount } from './parameters.ts';
import { quoted } from './signature.ts';

/** Length of the JSON in bytes; what follows it are tensors. */
export const JSON_LENGTH_HEADER = 'inference-header-content-length';

export interface Parts {
  json: Buffer;
  /** Undefined when the request says of no such part. */
  binary: Buffer | undefined;
}

/** @param body inflated: the header counts bytes as they were before a compression. @throws RequestError INVALID_REQUEST */
export function splitParts(body: Buffer, headers: IncomingHttpHeaders): Parts {
  const given = headers[JSON_LENGTH_HEADER];
  if (given === undefined) return { json: body, binary: undefined };
  const length = readLength(given);
  if (length === undefined) {
    const message = `the header ${JSON_LENGTH_HEADER} is '${String(given).slice(0, 40)}'; it must be the JSON's length in bytes`;
    throw new RequestError('INVALID_REQUEST', message);
  }
  if (length > body.length) {
    const message = `the header ${JSON_LENGTH_HEADER} says ${length} bytes of JSON, but the body has ${body.length}`;
    throw new RequestError('INVALID_REQUEST', message);
  }
  return { json: body.subarray(0, length), binary: body.subarray(length) };
}

/** Digits only: `Number` would let in '', ' 7', '0x7' and '1e3'. */
export function readLength(given: string | string[] | undefined): number | undefined {
  return typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : undefined;
}

/** Deals out the bytes after the JSON, in the order of the inputs. */
export class BinaryPart {
  readonly #bytes: Buffer | undefined;
  #at = 0;

  constructor(bytes: Buffer | undefined) {
    this.#bytes = bytes;
  }

  /**
   * The bytes of the next input, by its parameter `binary_data_size`; undefined when it brings none.
   * @throws RequestError INVALID_REQUEST, INPUT_DATA
   */
  take(name: string, input: Fields, parameters: Fields | undefined): Buffer | undefined {
    if (parameters?.binary_data_size === undefined) {
      if (this.#bytes === undefined || input.data !== undefined) return undefined;
      const message = `input ${quoted(name)} has neither 'data' nor the parameter 'binary_data_size'`;
      throw new RequestError('INPUT_DATA', message);
    }
    const where = `input ${quoted(name)}`;
    const size = readCount(parameters, 'binary_data_size', where) as number;
    if (input.data !== undefined) {
      throw new RequestError('INVALID_REQUEST', `${where} has both 'data' and the parameter 'binary_data_size'`);
    }
    if (this.#bytes === undefined) {
      const message = `${where} has the parameter 'binary_data_size', but the request has no header ${JSON_LENGTH_HEADER}`;
      throw new RequestError('INVALID_REQUEST', message);
    }
    const rest = this.#bytes.length - this.#at;
    if (size > rest) {
      const follow = this.#at === 0 ? 'follow the JSON' : 'are left of those that follow the JSON';
      throw new RequestError('INPUT_DATA', `${where} says binary_data_size ${size}, but ${rest} bytes ${follow}`);
    }
    const start = this.#at;
    this.#at += size;
    return this.#bytes.subarray(start, this.#at);
  }

  /** @throws RequestError INVALID_REQUEST when bytes are left that no input claims */
  requireEnd(): void {
    if (this.#bytes === undefined || this.#at === this.#bytes.length) return;
    const { length } = this.#bytes;
    const message = `${length} bytes follow the JSON, but the inputs' binary_data_size add up to ${this.#at}`;
    throw new RequestError('INVALID_REQUEST', message);
  }
}
