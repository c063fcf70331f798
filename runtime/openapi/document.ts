/** Operations and schemas → an OpenAPI 3.1 document. Pure. */
import { z } from 'zod';
import { REQUEST_ERRORS, type RequestErrorCode } from '../errors.ts';
import type { Signature } from '../protocol/signature.ts';
import { type Chapter, SCHEMAS } from './catalogue.ts';
import { inferExample, modelInferRequest, rowsExample } from './model-schemas.ts';
import type { Content, Operation } from './operation.ts';

type Json = Record<string, unknown>;

export interface DocumentParts {
  model: string;
  version: string;
  runtimeVersion: string;
  chapters: readonly Chapter[];
  /** Undefined until the model is open. */
  signature: Signature | undefined;
}

export interface Document {
  openapi: '3.1.0';
  info: { title: string; version: string; description: string };
  servers: { url: string }[];
  tags: { name: string }[];
  paths: Record<string, Record<string, Json>>;
  components: { schemas: Record<string, Json>; headers: Json };
}

const SERVED_REQUEST = 'ModelInferRequest';

export function buildDocument(parts: DocumentParts): Document {
  const { model, version, runtimeVersion, chapters, signature } = parts;
  const paths: Document['paths'] = {};
  for (const { name, operations } of chapters) {
    for (const operation of operations) {
      const { method, path } = operation;
      const item = paths[path] ?? {};
      item[method] = { tags: [name], ...describeOperation(operation, parts) };
      paths[path] = item;
    }
  }
  const schemas = componentSchemas();
  if (signature) schemas[SERVED_REQUEST] = modelInferRequest(signature);
  return {
    openapi: '3.1.0',
    info: {
      title: model,
      version: runtimeVersion,
      description: `Model '${model}' on Modelship, as its version '${version}' describes it.`,
    },
    servers: [{ url: '/' }],
    tags: chapters.map(({ name }) => ({ name })),
    paths,
    components: {
      schemas: reachable(schemas, paths),
      headers: { ModelshipVersion: { description: 'The version that answered.', schema: { type: 'string' } } },
    },
  };
}

function describeOperation(operation: Operation, parts: DocumentParts): Json {
  const { id, summary, path, parameters = [], request, answer } = operation;
  const described = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => pathParameter(name as string, parts.model)),
    ...parameters.map((parameter) => ({ ...parameter, required: false, schema: { type: 'string' } })),
  ];
  return {
    operationId: id,
    summary,
    ...(described.length > 0 && { parameters: described }),
    ...(request && {
      requestBody: { required: request.required, content: contentOf(request.content, parts.signature) },
    }),
    responses: {
      200: {
        description: answer.description,
        headers: { 'modelship-version': { $ref: '#/components/headers/ModelshipVersion' } },
        ...(Object.keys(answer.content).length > 0 && { content: contentOf(answer.content, undefined) }),
      },
      ...errorResponses(operation),
    },
  };
}

function pathParameter(name: string, model: string): Json {
  return { name, in: 'path', required: true, schema: name === 'model' ? { const: model } : { type: 'string' } };
}

/** @param signature given for requests: what the model itself asks of them */
function contentOf(content: Record<string, Content>, signature: Signature | undefined): Json {
  return Object.fromEntries(
    Object.entries(content).map(([type, body]) => {
      if (body === 'text') return [type, { schema: { type: 'string' } }];
      if (body === 'bytes') return [type, {}];
      const served = signature && body.schema === 'InferRequest' ? SERVED_REQUEST : body.schema;
      const example = signature && exampleOf(body.schema, signature);
      return [type, { schema: { $ref: `#/components/schemas/${served}` }, ...(example && { example }) }];
    }),
  );
}

function exampleOf(schema: string, signature: Signature): object | undefined {
  if (schema === 'InferRequest') return inferExample(signature);
  const takesRows = ['TensorflowPredictRequest', 'VertexRequest', 'SagemakerRequest'].includes(schema);
  return takesRows ? rowsExample(signature) : undefined;
}

function errorResponses({ errors = [], errorSchema = 'Error' }: Operation): Json {
  const byStatus = new Map<number, RequestErrorCode[]>();
  for (const code of errors) {
    const status = REQUEST_ERRORS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const content = { 'application/json': { schema: { $ref: `#/components/schemas/${errorSchema}` } } };
  const responses = [...byStatus].map(([status, codes]) => [status, { description: codes.join(', '), content }]);
  return {
    ...Object.fromEntries(responses),
    default: { description: 'Any other error; see docs/errors.md.', content },
  };
}

/** Zod's schemas as those of the document. Answers may grow: that they have no other fields is for tests alone. */
function componentSchemas(): Record<string, Json> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(SCHEMAS)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}`, io: 'input' });
  for (const schema of Object.values(schemas)) {
    delete schema.$schema;
    delete schema.$id;
  }
  return normalized(schemas) as Record<string, Json>;
}

function normalized(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normalized);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => !(key === 'additionalProperties' && inner === false))
      .filter(([key, inner]) => !(key === 'maximum' && inner === Number.MAX_SAFE_INTEGER))
      .filter(([key, inner]) => !(key === 'minimum' && inner === Number.MIN_SAFE_INTEGER))
      .map(([key, inner]) => [key, normalized(inner)]),
  );
}

/** Only the schemas that the paths lead to. */
function reachable(schemas: Record<string, Json>, paths: unknown): Record<string, Json> {
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    for (const [, name] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (name === undefined || found.has(name)) continue;
      found.add(name);
      visit(schemas[name]);
    }
  };
  visit(paths);
  return Object.fromEntries(Object.entries(schemas).filter(([name]) => found.has(name)));
}
