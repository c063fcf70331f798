/** GraphQL, by mercurius, which is loaded only where it is switched on. */
import { registerOipInfer } from './oip.ts';
import type { RegisterProtocol } from './protocol.ts';

export const registerGraphql: RegisterProtocol = async (app, context) => {
  const { mountGraphql } = await import('../graphql/mount.ts');
  await app.fastify.register(async (scope) => mountGraphql(scope, context));
  // An inference goes to other versions as a plain request of the Open Inference Protocol.
  if (context.inference.kind === 'direct' && !context.serving.protocols.includes('rest')) {
    await registerOipInfer(app, context);
  }
};
