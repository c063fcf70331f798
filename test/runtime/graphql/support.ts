/** GraphQL requests as clients send them. */
import { ask, type Reply, type Running, type RunOptions, run } from '../harness.ts';

export interface Operation {
  query: string;
  variables?: unknown;
  operationName?: string;
}

/** Posts an operation to the entry door. */
export function query(running: Running, text: string, variables?: unknown, init: RequestInit = {}): Promise<Reply> {
  return ask(`${running.entry}/graphql`, { query: text, ...(variables !== undefined && { variables }) }, init);
}

/** A runtime that speaks GraphQL. */
export function runGraphql(options: RunOptions = {}): Promise<Running> {
  return run({ ...options, serving: { protocols: ['rest', 'graphql'], ...options.serving } });
}

export const INFER = `query Infer($inputs: [TensorInput!]!, $version: String, $outputs: [String!], $id: String) {
  infer(model: "m", version: $version, id: $id, inputs: $inputs, outputs: $outputs) {
    modelName modelVersion id outputs { name datatype shape data }
  }
}`;

export const tensor = (datatype: string, shape: number[], data: unknown, name = 'x') => ({
  name,
  datatype,
  shape,
  data,
});
