/** A fastify app without a listener: how every door of the runtime starts. */

import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import type { Logger } from 'pino';
import { understands } from '../compression.ts';
import { codedError, errorAnswer } from '../error-answer.ts';
import { RequestError } from '../errors.ts';
import { readBody } from '../http1/body.ts';
import type { Handler } from '../http1/door.ts';
import { createServer } from '../http1/node-http.ts';
import { refuseMethods, send } from './route.ts';

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
