/** GraphQL over HTTP, and the documentation itself: their schemas and operations. */
import { z } from 'zod';
import type { RequestErrorCode } from '../errors.ts';
import { type Content, json, type Operation, VERSION_PARAMETER } from './operation.ts';

const graphqlError = z.strictObject({
  message: z.string(),
  locations: z.array(z.strictObject({ line: z.int().min(1), column: z.int().min(1) })).optional(),
  path: z.array(z.union([z.string(), z.int()])).optional(),
  extensions: z.strictObject({
    code: z.string().describe('As in Error.'),
    status: z.int().describe('What REST would answer.'),
    version: z.string().optional().describe('The version that failed.'),
    retryAfter: z.number().optional().describe('Seconds to wait.'),
  }),
});

export const GRAPHQL_SCHEMAS = {
  GraphqlRequest: z.object({
    query: z.string().describe('The schema is what introspection tells. Tensors belong into variables.'),
    variables: z.record(z.string(), z.unknown()).nullish(),
    operationName: z.string().nullish(),
  }),
  GraphqlError: graphqlError,
  GraphqlResponse: z.strictObject({
    data: z.record(z.string(), z.unknown()).nullable(),
    errors: z.array(graphqlError).optional(),
  }),
  GraphqlRefusal: z.strictObject({ errors: z.array(graphqlError).min(1) }),
};

const REFUSALS = ['MALFORMED_JSON', 'INVALID_REQUEST', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const;

const answer = {
  description: 'The operation was executed; what failed of it is null, with an error beside.',
  content: {
    ...json('GraphqlResponse'),
    'application/graphql-response+json': { schema: 'GraphqlResponse' },
  } satisfies Record<string, Content>,
};

const graphql = (method: Operation['method'], errors: RequestErrorCode[], rest: Partial<Operation>): Operation => ({
  method,
  path: '/graphql',
  id: `graphql${method === 'get' ? 'Get' : 'Post'}`,
  summary: 'Models, statistics and inference.',
  answer,
  errors: [...REFUSALS, ...errors],
  errorSchema: 'GraphqlRefusal',
  ...rest,
});

export const GRAPHQL_OPERATIONS: Operation[] = [
  graphql('post', [], {
    parameters: [VERSION_PARAMETER],
    request: { required: true, content: json('GraphqlRequest') },
  }),
  graphql('get', ['METHOD_NOT_ALLOWED'], {
    summary: 'Models and statistics; inference takes POST.',
    parameters: [
      { name: 'query', in: 'query', description: 'The document.' },
      { name: 'variables', in: 'query', description: 'A JSON object.' },
      { name: 'operationName', in: 'query', description: 'Which of several operations.' },
    ],
  }),
];

export const DOCS_SCHEMAS = { OpenApi: z.looseObject({ openapi: z.literal('3.1.0') }).describe('This document.') };

export const DOCS_OPERATIONS: Operation[] = [
  {
    method: 'get',
    path: '/docs',
    id: 'docs',
    summary: 'This document; as a page, to those who accept text/html.',
    answer: {
      description: 'The document.',
      content: { 'application/json': { schema: 'OpenApi' }, 'text/html': 'text' },
    },
  },
  {
    method: 'get',
    path: '/docs/openapi.json',
    id: 'openapi',
    summary: 'This document.',
    answer: { description: 'The document.', content: json('OpenApi') },
  },
];
