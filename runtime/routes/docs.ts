/** The OpenAPI document of what this door serves: made when it is first asked for, and again when the model is there. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Signature } from '../protocol/signature.ts';
import type { ProtocolContext, RegisterProtocol } from './protocol.ts';
import { route } from './route.ts';

interface Made {
  json: string;
  html: string;
}

export const registerDocs: RegisterProtocol = ({ fastify }, context) => {
  let made: Promise<Made> | undefined;
  let of: Signature | undefined;
  const current = (): Promise<Made> => {
    const { signature } = context.own;
    if (made === undefined || of !== signature) {
      of = signature;
      made = make(context, signature);
    }
    return made;
  };
  const asJson = async (_request: FastifyRequest, reply: FastifyReply) =>
    reply.type('application/json; charset=utf-8').send((await current()).json);
  route(fastify, '/docs', {
    GET: async (request, reply) => {
      reply.header('vary', 'accept');
      if (!request.headers.accept?.includes('text/html')) return asJson(request, reply);
      const { PAGE_POLICY } = await import('../openapi/page.ts');
      reply.header('content-security-policy', PAGE_POLICY).type('text/html; charset=utf-8');
      return reply.send((await current()).html);
    },
  });
  route(fastify, '/docs/openapi.json', { GET: asJson });
};

async function make(context: ProtocolContext, signature: Signature | undefined): Promise<Made> {
  const { own, inference, serving, runtimeVersion } = context;
  // Not before they are asked for: most pods never are.
  const { chaptersOf } = await import('../openapi/catalogue.ts');
  const { buildDocument } = await import('../openapi/document.ts');
  const { buildPage } = await import('../openapi/page.ts');
  const { model, version } = own;
  const spoken = { model, kind: inference.kind, protocols: serving.protocols };
  const chapters = chaptersOf(spoken, process.env);
  const document = buildDocument({ model, version, runtimeVersion, chapters, signature });
  return { json: JSON.stringify(document), html: buildPage(document) };
}
