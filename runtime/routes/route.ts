/** What stands at a path, by method. */
import type { FastifyInstance, FastifyReply, RouteHandlerMethod } from 'fastify';
import type { Answer } from '../answer.ts';
import { RequestError } from '../errors.ts';

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
 * Has the other methods of a path refused, before a body is read. Not by a route for each of them: the router would
 * compile six times as many, at every start.
 */
export function refuseMethods(fastify: FastifyInstance): void {
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
