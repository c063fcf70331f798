/** `parameters` of a request, an input or an output of the Open Inference Protocol. Pure. */
import { RequestError } from '../errors.ts';
import { show } from './json-tensor.ts';
import { quoted } from './signature.ts';

export type Fields = Record<string, unknown>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Without these, the request would mean something else; other unknown parameters are ignored, as the protocol allows. */
const SHARED_MEMORY = ['shared_memory_region', 'shared_memory_byte_size', 'shared_memory_offset'];

/**
 * @param of `the request`, or what kind of tensor bears them
 * @param name of that tensor; empty for the request
 * @throws RequestError INVALID_REQUEST
 */
export function readParameters(given: unknown, of: string, name: string): Fields | undefined {
  if (given === undefined) return undefined;
  const where = name === '' ? of : `${of} ${quoted(name)}`;
  if (!isFields(given)) {
    throw new RequestError('INVALID_REQUEST', `'parameters' of ${where} must be an object, not ${show(given)}`);
  }
  for (const parameter of SHARED_MEMORY) {
    if (!Object.hasOwn(given, parameter)) continue;
    const message = `${where} has the parameter '${parameter}', but the shared memory extension is not offered`;
    throw new RequestError('INVALID_REQUEST', message);
  }
  return given;
}

/** A parameter that is true or false. @throws RequestError INVALID_REQUEST */
export function readFlag(parameters: Fields | undefined, name: string, where: string): boolean | undefined {
  const value = parameters?.[name];
  if (value === undefined || typeof value === 'boolean') return value;
  throw new RequestError('INVALID_REQUEST', `'${name}' of ${where} must be true or false, not ${show(value)}`);
}

/** A parameter that is a whole number, 0 or more. @throws RequestError INVALID_REQUEST */
export function readCount(parameters: Fields | undefined, name: string, where: string): number | undefined {
  const value = parameters?.[name];
  if (value === undefined) return undefined;
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new RequestError('INVALID_REQUEST', `'${name}' of ${where} must be a whole number, not ${show(value)}`);
}
