/** A fastify app without a listener: how every door of the runtime starts. */

import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
  type RouteHandlerMethod,
} from 'fastify';
import type { Logger } from 'pino';
import type { Answer } from '../answer.ts';
import { understands } from '../compression.ts';
import { codedError, errorAnswer } from '../error-answer.ts';
import { RequestError } from '../errors.ts';
import { readBody } from '../http1/body.ts';
import type { Handler } from '../http1/door.ts';
import { createServer } from '../http1/node-http.ts';

export interface AppOptions {
  name: string;
  /** The version that speaks when an error does not say otherwise. */
  version: string;
  bodyBytes: number;
  logger: Logger;
  unforeseen(error: unknown): void;
}

export interface App {
  fastify: FastifyInstance;
  /** Makes the app ready to serve. @returns what a door calls for each request */
  start(): Promise<Handler>;
  /** Who is told of what is refused outside a route's own handling. */
  onRefused(listener: (request: FastifyRequest, status: number) => void): void;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

/** A path that is served, for these methods; how another is refused there. */
interface Place {
  url: string;
  allow: readonly string[];
  refuse: FastifyInstance['errorHandler'];
}

declare module 'fastify' {
  interface FastifyInstance {
    places: Place[];
  }
}

/** No route has a schema for fastify to compile, and its compilers are a twentieth of what a start costs. */
const noCompiler = () => () => {
  throw new Error('createApp() compiles no schemas of routes');
};

export function createApp(options: AppOptions): App {
  let handler: Handler = () => {};
  let refused: Parameters<App['onRefused']>[0] = () => {};
  const fastify = Fastify({
    bodyLimit: options.bodyBytes,
    logController: new LogController({ disableRequestLogging: true }),
    return503OnClosing: false,
    schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
    routerOptions: { maxParamLength: 512, ignoreTrailingSlash: true },
    // Doors own the servers that listen; this one never does.
    serverFactory: (serve) => {
      handler = serve as Handler;
      return createServer();
    },
    frameworkErrors: (error, _request, reply) => void refuse(error, reply),
  });
  const refuse = (error: unknown, reply: FastifyReply) => {
    const coded = codedError(error, options.bodyBytes);
    if (coded.code === 'INTERNAL') options.unforeseen(error);
    refused(reply.request, coded.status);
    return send(reply, errorAnswer(coded, options.version));
  };
  fastify.setErrorHandler((error, _request, reply) => refuse(error, reply));
  fastify.setNotFoundHandler((request) => {
    throw new RequestError('ROUTE_NOT_FOUND', `there is nothing at ${request.method} ${request.url.slice(0, 200)}`);
  });
  refuseMethods(fastify);
  takeRawBodies(fastify, options.bodyBytes);
  if (options.logger.isLevelEnabled('debug')) logRequests(fastify, options);
  return {
    fastify,
    async start() {
      await fastify.ready();
      return handler;
    },
    onRefused(listener) {
      refused = listener;
    },
  };
}

/** Registers handlers by method for a path; any other method is METHOD_NOT_ALLOWED, not ROUTE_NOT_FOUND. */
export function route(
  fastify: FastifyInstance,
  url: string,
  handlers: Partial<Record<Method, RouteHandlerMethod>>,
): void {
  const known = Object.keys(handlers) as Method[];
  for (const method of known) {
    fastify.route({ method, url, handler: handlers[method] as RouteHandlerMethod });
  }
  const allow = known.includes('GET') ? ['GET', 'HEAD', ...known.filter((m) => m !== 'GET')] : known;
  fastify.places.push({ url, allow, refuse: (...args) => fastify.errorHandler(...args) });
}

/**
 * Before a body is read. Not by routes of their own for all other methods: the router would compile six times as many,
 * at every start.
 */
function refuseMethods(fastify: FastifyInstance): void {
  fastify.decorate('places', []);
  fastify.addHook('onRequest', (request, reply, done) => {
    const { method, url } = request;
    const here = request.is404 ? fastify.places.filter((place) => leadsTo(place.url, url)) : [];
    const allow = here.flatMap((place) => place.allow);
    const [first] = here;
    // Whose method is taken is not found for what the router minds, not for its method.
    if (!first || allow.includes(method)) return done();
    const message = `${first.url} takes ${allow.join(', ')}`;
    first.refuse(new RequestError('METHOD_NOT_ALLOWED', message, { allow: allow.join(', ') }), request, reply);
  });
}

/** Whether the pattern, as the router takes it, is that of the request's URL. */
function leadsTo(pattern: string, url: string): boolean {
  const [path = ''] = url.split('?', 1);
  const wanted = pattern.split('/');
  const found = (path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path).split('/');
  const isSame = (part: string, at: number) =>
    /^:(?!:)/.test(part) ? found[at] !== '' : part.replaceAll('::', ':') === decoded(found[at] as string);
  return wanted.length === found.length && wanted.every(isSame);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function send(reply: FastifyReply, answer: Answer): FastifyReply {
  return reply.code(answer.status).headers(answer.headers).send(answer.body);
}

/** Bodies stay bytes: most of what a split forwards is never parsed here. */
function takeRawBodies(fastify: FastifyInstance, most: number): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (_request, payload, done) => readBody(payload, most, done));
  fastify.addHook('onRequest', (request, _reply, done) => {
    const encoding = request.headers['content-encoding'];
    if (encoding === undefined || understands(encoding)) return done();
    const message = `the content encoding ${encoding.slice(0, 40)} is not understood; send gzip, deflate or no encoding`;
    done(new RequestError('UNSUPPORTED_MEDIA_TYPE', message));
  });
}

function logRequests(fastify: FastifyInstance, { name, logger }: AppOptions): void {
  fastify.addHook('onResponse', async (request, reply) => {
    const { method, url } = request;
    logger.debug({ door: name, method, url, status: reply.statusCode, ms: reply.elapsedTime }, 'request');
  });
}
