/** What a protocol is to the rest of the runtime: bytes → tensors, and tensors → bytes. Pure. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Tensor } from './datatypes.ts';
import type { Signature } from './signature.ts';

export interface Received {
  /** Inflated; empty when there was none. */
  body: Buffer;
  /** Lower-case names; gRPC metadata too. */
  headers: IncomingHttpHeaders;
}

export interface AnsweredBy {
  model: string;
  version: string;
}

/** A request that was read and found right: what to run, and how to say what came of it. */
export interface Prepared {
  /** One for each input of the model, in the model's order. */
  inputs: readonly Tensor[];
  /** Names of the outputs to compute, in the order of the answer. */
  outputs: readonly string[];
  /** The answer. @param outputs in the order of `outputs` above */
  write(outputs: readonly Tensor[], by: AnsweredBy): Written;
}

export interface Written {
  contentType: string;
  /** Others than the content type, lower-case names. */
  headers?: Record<string, string>;
  body: Buffer | string;
}

/**
 * Reads and checks a request for a model.
 * @throws RequestError of status 4xx; the message names the field or the tensor, and what the model wants
 */
export type Codec = (received: Received, signature: Signature) => Prepared;
