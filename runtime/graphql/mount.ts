/** Mercurius behind routes of our own: bodies come as bytes, and errors go out coded. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ExecutionResult } from 'graphql';
import mercurius from 'mercurius';
import { VERSION_HEADER } from '../answer.ts';
import { compress } from '../compression.ts';
import { codedError } from '../error-answer.ts';
import { fastifyCall, type ProtocolContext } from '../routes/protocol.ts';
import { route, send } from '../routes/route.ts';
import { formatExecuted, formatted, refusedDocument } from './failures.ts';
import { Inferences } from './infer.ts';
import { checkLimits, MOST_DEPTH, MOST_TOKENS, QUERIES_KEPT } from './limits.ts';
import { type GraphqlRequest, readPosted, readQueryString } from './request.ts';
import { resolversOf } from './resolvers.ts';
import { SCHEMA } from './schema.ts';

const JSON_TYPE = 'application/json';
/** What the GraphQL over HTTP specification prefers. */
const GRAPHQL_TYPE = 'application/graphql-response+json';

interface Result {
  status: number;
  headers: Record<string, string>;
  body: object;
}

/** Adds `/graphql` to a scope of an app. */
export async function mountGraphql(scope: FastifyInstance, context: ProtocolContext): Promise<void> {
  await registerMercurius(scope, context);
  const { bodyBytes } = context.serving.limits;
  const refused = (error: unknown) => refusal(error, context);

  const answer =
    (read: (request: FastifyRequest) => GraphqlRequest | Promise<GraphqlRequest>) =>
    async (request: FastifyRequest, reply: FastifyReply) => {
      let result: Result;
      try {
        const inferences = new Inferences(
          context.inference,
          fastifyCall(request, reply, {}),
          context.own.model,
          bodyBytes,
        );
        result = await execute(scope, await read(request), inferences, context.own.version);
      } catch (error) {
        result = refused(error);
      }
      return sendResult(request, reply, result);
    };

  // What is refused before the handler, such as a body too large.
  scope.setErrorHandler((error, _request, reply) => {
    const { status, headers, body } = refused(error);
    return reply.code(status).headers(headers).type(JSON_TYPE).send(body);
  });

  route(scope, '/graphql', {
    GET: answer((request) => readQueryString(request.query)),
    POST: answer((request) => readPosted(request.body as Buffer | undefined, request.headers, bodyBytes)),
  });
}

async function registerMercurius(scope: FastifyInstance, context: ProtocolContext): Promise<void> {
  const { unforeseen } = context;
  await scope.register(mercurius, {
    schema: SCHEMA,
    resolvers: resolversOf(context) as mercurius.IResolvers,
    routes: false,
    graphiql: false,
    jit: 0,
    cache: QUERIES_KEPT,
    queryDepth: MOST_DEPTH,
    graphql: { parseOptions: { maxTokens: MOST_TOKENS } },
    errorFormatter: ({ data, errors }) => ({
      statusCode: 200,
      response: { data: data ?? null, errors: errors.map((error) => formatExecuted(error, unforeseen)) },
    }),
  });
  // Of a document whose parsed form is kept, this was found right before.
  scope.graphql.addHook('preValidation', async (_schema, document) => checkLimits(document));
}

async function execute(
  scope: FastifyInstance,
  { query, variables, operationName }: GraphqlRequest,
  inferences: Inferences,
  own: string,
): Promise<Result> {
  const { data, errors }: ExecutionResult = await scope.graphql(query, { inferences }, variables, operationName);
  const { versions } = inferences;
  const version = versions.size > 1 ? undefined : ([...versions][0] ?? own);
  return {
    status: 200,
    headers: version === undefined ? {} : { [VERSION_HEADER]: version },
    body: { ...(errors && { errors }), data },
  };
}

/** The answer to a request of which nothing was executed. */
function refusal(error: unknown, { own, serving, unforeseen }: ProtocolContext): Result {
  const by = { [VERSION_HEADER]: own.version };
  const errors = refusedDocument(error);
  if (errors) return { status: 400, headers: by, body: { errors } };
  const coded = codedError(error, serving.limits.bodyBytes);
  if (coded.code === 'INTERNAL') unforeseen(error);
  return { status: coded.status, headers: { ...by, ...coded.headers }, body: { errors: [formatted(coded)] } };
}

async function sendResult({ headers: asked }: FastifyRequest, reply: FastifyReply, result: Result) {
  const { accept = '', 'accept-encoding': accepts } = asked;
  const type = accept.includes(GRAPHQL_TYPE) ? GRAPHQL_TYPE : JSON_TYPE;
  const headers = { 'content-type': `${type}; charset=utf-8`, ...result.headers };
  const written = { status: result.status, headers, body: JSON.stringify(result.body) };
  return send(reply, typeof accepts === 'string' ? await compress(written, accepts) : written);
}
