/** A GraphQL request over HTTP → its query, variables and operation name. Pure but for the inflating. */

import type { IncomingHttpHeaders } from 'node:http';
import { type DocumentNode, Kind, parse } from 'graphql';
import { inflate } from '../compression.ts';
import { RequestError } from '../errors.ts';
import { show } from '../protocol/json-tensor.ts';
import { parseJson } from '../protocol/json-text.ts';
import { requireJson } from '../protocol/media-type.ts';
import { asked, MOST_QUERY_BYTES, MOST_TOKENS } from './limits.ts';

export interface GraphqlRequest {
  query: string;
  variables: Record<string, unknown>;
  operationName: string | undefined;
}

/** @throws RequestError of status 4xx */
export async function readPosted(
  body: Buffer | undefined,
  headers: IncomingHttpHeaders,
  bodyBytes: number,
): Promise<GraphqlRequest> {
  requireJson(headers);
  let bytes = body ?? Buffer.alloc(0);
  const encoding = headers['content-encoding'];
  if (encoding !== undefined) bytes = await inflate(bytes, encoding, bodyBytes);
  const parsed = parseJson(bytes, true);
  if (Array.isArray(parsed)) throw invalid('the body is an array: operations are not batched; send one object');
  if (!isFields(parsed)) throw invalid(`the body must be a JSON object with 'query', not ${show(parsed)}`);
  return readFields(parsed);
}

/**
 * By GET: the same fields in the query string, `variables` as JSON in it.
 * @throws RequestError of status 4xx; METHOD_NOT_ALLOWED for `infer`
 */
export function readQueryString(given: unknown): GraphqlRequest {
  const { variables, ...fields } = given as Record<string, unknown>;
  if (variables !== undefined && typeof variables !== 'string') throw invalid("'variables' is given twice");
  const parsed = variables ? parseJson(Buffer.from(variables), true) : undefined;
  const request = readFields({ ...fields, variables: parsed });
  if (infers(request.query)) throw new RequestError('METHOD_NOT_ALLOWED', "'infer' takes POST", { allow: 'POST' });
  return request;
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readFields({ query, variables, operationName }: Record<string, unknown>): GraphqlRequest {
  if (typeof query !== 'string' || query === '') {
    throw invalid(`'query' must be the text of a GraphQL document, not ${show(query)}`);
  }
  if (query.length > MOST_QUERY_BYTES) {
    const message = `'query' has ${query.length} characters, at most ${MOST_QUERY_BYTES} are read`;
    throw invalid(`${message}; put tensors into variables`);
  }
  if (isJson(query)) throw invalid("'query' is JSON, not a GraphQL document");
  if (variables !== undefined && variables !== null && !isFields(variables)) {
    throw invalid(`'variables' must be an object, not ${show(variables)}`);
  }
  if (operationName !== undefined && operationName !== null && typeof operationName !== 'string') {
    throw invalid(`'operationName' must be a string, not ${show(operationName)}`);
  }
  return { query, variables: variables ?? {}, operationName: operationName || undefined };
}

/** Mercurius takes what is no GraphQL for a syntax tree in JSON, and believes it: a hand-made one gets past the parser's limits. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether an operation of the document runs the model. One that can't be parsed is refused elsewhere. */
function infers(query: string): boolean {
  let document: DocumentNode;
  try {
    document = parse(query, { maxTokens: MOST_TOKENS, noLocation: true });
  } catch {
    return false;
  }
  return document.definitions.some(
    (node) => node.kind === Kind.OPERATION_DEFINITION && asked(document, node.selectionSet).infer > 0,
  );
}

function invalid(message: string): RequestError {
  return new RequestError('INVALID_REQUEST', message);
}
