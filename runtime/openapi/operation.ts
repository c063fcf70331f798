/** One operation of the OpenAPI document, in our own words. Pure. */
import type { RequestErrorCode } from '../errors.ts';

/** Name of a schema in `components`, or a body that is no JSON. */
export type Content = { schema: string } | 'text' | 'bytes';

export interface Parameter {
  name: string;
  in: 'query' | 'header';
  description: string;
}

export interface Operation {
  method: 'get' | 'post';
  /** With parameters in braces. */
  path: string;
  /** The route that answers it, as fastify names it, where the path does not tell. */
  route?: string;
  id: string;
  summary: string;
  parameters?: readonly Parameter[];
  request?: { required: boolean; content: Record<string, Content> };
  answer: { description: string; content: Record<string, Content> };
  /** Left out: it has none but those of any request. */
  errors?: readonly RequestErrorCode[];
  /** Schema of its errors. Default: `Error`. */
  errorSchema?: string;
}

/** Path of an operation as fastify's router has it: `{model}` → `:model`, and a colon doubled. */
export function routeOf({ path, route }: Pick<Operation, 'path' | 'route'>): string {
  return route ?? path.replaceAll(':', '::').replaceAll(/\{(\w+)\}/g, ':$1');
}

export const json = (schema: string): Record<string, Content> => ({ 'application/json': { schema } });

/** Of questions about a model, which another version's process may have to answer. */
export const ASK_ERRORS = [
  'INVALID_REQUEST',
  'MODEL_NOT_FOUND',
  'VERSION_NOT_FOUND',
  'MISDIRECTED',
  'VERSION_UNAVAILABLE',
  'NOT_READY',
  'DIGEST_CHANGED',
  'QUEUE_FULL',
  'REQUEST_TIMEOUT',
] as const satisfies RequestErrorCode[];

export const INFER_ERRORS = [
  ...ASK_ERRORS,
  'MALFORMED_JSON',
  'MISSING_INPUT',
  'UNKNOWN_INPUT',
  'DUPLICATE_INPUT',
  'UNKNOWN_OUTPUT',
  'INPUT_DATATYPE',
  'INPUT_SHAPE',
  'INPUT_DATA',
  'BODY_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'INFERENCE_FAILED',
] as const satisfies RequestErrorCode[];

export const VERSION_PARAMETER: Parameter = {
  name: 'modelship-version',
  in: 'header',
  description: 'The version that must answer. If the path names one too, they must agree.',
};
