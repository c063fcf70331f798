/** Which routes a door has, by the protocols that the spec switches on. */
import { registerDocs } from './docs.ts';
import { registerGraphql } from './graphql.ts';
import { registerOip } from './oip.ts';
import type { RegisterProtocol } from './protocol.ts';
import { registerSagemaker } from './sagemaker.ts';
import { registerTensorflow } from './tensorflow.ts';
import { registerVertex } from './vertex.ts';

/** By the names of `serving.protocols`; gRPC has a door of its own. */
const BY_NAME: Record<string, RegisterProtocol> = {
  rest: registerOip,
  tensorflow: registerTensorflow,
  sagemaker: registerSagemaker,
  vertex: registerVertex,
  graphql: registerGraphql,
};

export const registerProtocols: RegisterProtocol = async (app, context) => {
  for (const name of context.serving.protocols) await BY_NAME[name]?.(app, context);
  await registerDocs(app, context);
};
