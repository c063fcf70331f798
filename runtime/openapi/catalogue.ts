/** All schemas, and the operations of each protocol. */
import { z } from 'zod';
import type { Inference } from '../inference.ts';
import { vertexRoutes } from '../routes/vertex.ts';
import { DOCS_OPERATIONS, DOCS_SCHEMAS, GRAPHQL_OPERATIONS, GRAPHQL_SCHEMAS } from './graphql.ts';
import { OIP_INFER_OPERATIONS, OIP_OPERATIONS, OIP_SCHEMAS } from './oip.ts';
import type { Operation } from './operation.ts';
import { PLATFORM_SCHEMAS, SAGEMAKER_OPERATIONS, vertexOperations } from './platforms.ts';
import { REPOSITORY_SCHEMAS, repositoryOperations } from './repository.ts';
import { TENSORFLOW_OPERATIONS, TENSORFLOW_SCHEMAS } from './tensorflow.ts';

/** By the name that the document gives them. */
export const SCHEMAS: Record<string, z.ZodType> = {
  ...OIP_SCHEMAS,
  ...REPOSITORY_SCHEMAS,
  ...TENSORFLOW_SCHEMAS,
  ...PLATFORM_SCHEMAS,
  SagemakerRequest: z.union([
    TENSORFLOW_SCHEMAS.TensorflowPredictRequest,
    PLATFORM_SCHEMAS.Rows,
    OIP_SCHEMAS.InferRequest,
  ]),
  SagemakerResponse: z.union([TENSORFLOW_SCHEMAS.TensorflowPredictResponse, OIP_SCHEMAS.InferResponse]),
  ...GRAPHQL_SCHEMAS,
  ...DOCS_SCHEMAS,
};

export interface Spoken {
  model: string;
  /** Of the door. */
  kind: Inference['kind'];
  /** As `serving.protocols`. */
  protocols: readonly string[];
}

export interface Chapter {
  name: string;
  operations: Operation[];
}

/** What a door answers, protocol by protocol. An operation that two protocols have is the first one's. */
export function chaptersOf({ model, kind, protocols }: Spoken, env: Record<string, string | undefined>): Chapter[] {
  const speaks = (name: string) => protocols.includes(name);
  const all: [boolean, string, () => Operation[]][] = [
    [speaks('rest'), 'Open Inference Protocol', () => [...OIP_OPERATIONS, ...repositoryOperations(model)]],
    [!speaks('rest') && speaks('graphql') && kind === 'direct', 'Open Inference Protocol', () => OIP_INFER_OPERATIONS],
    [speaks('tensorflow'), 'TensorFlow Serving', () => TENSORFLOW_OPERATIONS],
    [speaks('sagemaker'), 'SageMaker', () => SAGEMAKER_OPERATIONS],
    [speaks('vertex'), 'Vertex AI', () => vertexOperations(vertexRoutes(env))],
    [speaks('graphql'), 'GraphQL', () => GRAPHQL_OPERATIONS],
    [true, 'Documentation', () => DOCS_OPERATIONS],
  ];
  const seen = new Set<string>();
  const isNew = ({ method, path }: Operation) => {
    const key = `${method} ${path}`;
    return !seen.has(key) && seen.add(key);
  };
  return all
    .filter(([spoken]) => spoken)
    .map(([, name, operations]) => ({ name, operations: operations().filter(isNew) }));
}
