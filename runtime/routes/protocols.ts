/** Which routes a door has, by the protocols that the spec switches on. */
import { registerDocs } from './docs.ts';
import { registerGraphql } from './graphql.ts';
import { registerGrpcForward } from './grpc-forward.ts';
import { registerCopies, registerOip } from './oip.ts';
import type { RegisterProtocol } from './protocol.ts';
import { registerSagemaker } from './sagemaker.ts';
import { registerTensorflow } from './tensorflow.ts';
import { registerVertex } from './vertex.ts';

/** By the names of `serving.protocols`. gRPC has a door of its own; here is what other processes forward to it. */
const BY_NAME: Record<string, RegisterProtocol> = {
  rest: registerOip,
  grpc: registerGrpcForward,
  tensorflow: registerTensorflow,
  sagemaker: registerSagemaker,
  vertex: registerVertex,
  graphql: registerGraphql,
};

export const registerProtocols: RegisterProtocol = async (app, context) => {
  // In the order above, whatever the spec's: a route that Vertex AI's environment names may be another's already.
  for (const [name, register] of Object.entries(BY_NAME)) {
    if (context.serving.protocols.includes(name)) await register(app, context);
  }
  const { inference, serving } = context;
  const takesOip = serving.protocols.some((name) => name === 'rest' || name === 'graphql');
  if (inference.kind === 'direct' && !takesOip) await registerCopies(app, context);
  await registerDocs(app, context);
};
