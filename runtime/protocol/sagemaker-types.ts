/** Media types of SageMaker's invocations: what a body is, and what its answer is to be. Pure. */
import type { IncomingHttpHeaders } from 'node:http';
import { RequestError } from '../errors.ts';
import { JSON_LENGTH_HEADER } from './binary-part.ts';

/** `binary`: the Open Inference Protocol with its binary tensor extension. */
export type BodyKind = 'json' | 'jsonlines' | 'csv' | 'npy' | 'binary';
/** `same`: as the request came. */
export type AnswerKind = 'json' | 'jsonlines' | 'csv' | 'npy' | 'same';

const KINDS = new Map<string, BodyKind>([
  ['application/json', 'json'],
  ['application/x-www-form-urlencoded', 'json'],
  ['text/plain', 'json'],
  ['application/jsonlines', 'jsonlines'],
  ['application/x-jsonlines', 'jsonlines'],
  ['application/jsonl', 'jsonlines'],
  ['text/csv', 'csv'],
  ['application/x-npy', 'npy'],
  ['application/octet-stream', 'npy'],
]);
const READABLE = 'application/json, application/jsonlines, text/csv, application/x-npy';
/** As Triton's containers name it: the JSON's length stands in the type, not in a header. */
const TRITON = /^application\/vnd\.[\w.-]*\bbinary\+json\s*;\s*json-header-size=(\d{1,15})\s*$/i;
const TRITON_TYPE = 'application/vnd.sagemaker-triton.binary+json;json-header-size=';

export interface Body {
  kind: BodyKind;
  /** Length of the JSON of a binary body. */
  jsonLength: string | undefined;
  /** A CSV that begins with a record of names (RFC 4180, `header=present`). */
  header: boolean;
}

/** @throws RequestError UNSUPPORTED_MEDIA_TYPE */
export function bodyOf(headers: IncomingHttpHeaders): Body {
  const type = headers['content-type'] ?? '';
  const length = TRITON.exec(type)?.[1] ?? headers[JSON_LENGTH_HEADER];
  if (length !== undefined) return { kind: 'binary', jsonLength: String(length), header: false };
  const [bare = '', ...parameters] = type.split(';').map((part) => part.trim().toLowerCase());
  const kind = bare === '' || /^application\/[\w.-]+\+json$/.test(bare) ? 'json' : KINDS.get(bare);
  if (kind) return { kind, jsonLength: undefined, header: parameters.includes('header=present') };
  throw new RequestError(
    'UNSUPPORTED_MEDIA_TYPE',
    `the content type ${type.slice(0, 80)} is not understood; send ${READABLE}`,
  );
}

/** Whether the request put the JSON's length in its type; the answer does so then. */
export function tritonType(headers: IncomingHttpHeaders, jsonLength: string): string | undefined {
  return TRITON.test(headers['content-type'] ?? '') ? TRITON_TYPE + jsonLength : undefined;
}

/** The kind that `accept` prefers among those known. @throws RequestError UNSUPPORTED_MEDIA_TYPE when it names others only */
export function answerOf({ accept }: IncomingHttpHeaders): AnswerKind {
  if (accept === undefined || accept.trim() === '') return 'same';
  let best: { kind: AnswerKind; weight: number } | undefined;
  for (const part of accept.split(',')) {
    const [range = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const kind = kindOf(range);
    const given = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    const weight = given === undefined ? 1 : Number(given);
    if (kind && weight > (best?.weight ?? 0)) best = { kind, weight };
  }
  if (best) return best.kind;
  throw new RequestError(
    'UNSUPPORTED_MEDIA_TYPE',
    `no answer can be given as ${accept.slice(0, 80)}; accept ${READABLE}`,
  );
}

function kindOf(range: string): AnswerKind | undefined {
  if (range === '*/*' || range === 'application/*' || /^application\/vnd\..*binary\+json$/.test(range)) return 'same';
  // What a body of bytes is said to be: it does not ask for .npy of what came as something else.
  if (range === 'application/octet-stream') return 'same';
  if (range === 'text/*') return 'csv';
  const kind = KINDS.get(range);
  return kind === 'binary' ? 'same' : kind;
}
