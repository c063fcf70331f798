/** The GraphQL schema of a model server. Its descriptions are its reference: introspection shows them. */
import { DATATYPES } from '../protocol/datatypes.ts';

export const SCHEMA = `
"Values of a tensor: flat in row-major order, or nested as the shape says. Numbers, true and false, or strings. NaN and infinities are the strings \\"NaN\\", \\"Infinity\\", \\"-Infinity\\". INT64 and UINT64 come as strings of digits, and are taken as such or as numbers: both are exact."
scalar TensorData

enum Datatype { ${DATATYPES.join(' ')} }

"What a model takes or gives."
type TensorSpec {
  name: String!
  datatype: Datatype!
  "−1 for a dimension that is not fixed."
  shape: [Int!]!
}

"A version of a model."
type ModelVersion {
  name: String!
  "Percent of the requests that name no version; null without a traffic table."
  share: Float
  "Whether it is the stable version, which others are compared with; null without a traffic table."
  primary: Boolean
  "READY, LOADING, UNAVAILABLE or UNKNOWN, as in the repository index."
  state: String!
  "Why it is not READY."
  reason: String
  ready: Boolean!
  "SHA-256 of its file, hexadecimal; null where this process does not know it."
  digest: String
}

type Model {
  name: String!
  platform: String!
  versions: [ModelVersion!]!
  "Of the version that answers, as the model itself declares them."
  inputs: [TensorSpec!]
  "Of the version that answers, as the model itself declares them."
  outputs: [TensorSpec!]
}

"How often, and how long altogether, nanoseconds."
type Count { count: Float! ns: Float! }

type BatchStatistics { batchSize: Float! computeInput: Count! computeInfer: Count! computeOutput: Count! }

type InferenceStatistics {
  success: Count!
  fail: Count!
  queue: Count!
  computeInput: Count!
  computeInfer: Count!
  computeOutput: Count!
  cacheHit: Count!
  cacheMiss: Count!
}

"What the version that answers did in this process, as Triton's statistics extension counts it."
type ModelStatistics {
  name: String!
  version: String!
  "Ms since 1970; 0: never."
  lastInference: Float!
  inferenceCount: Float!
  executionCount: Float!
  inferenceStats: InferenceStatistics!
  batchStats: [BatchStatistics!]!
}

input TensorInput {
  name: String!
  datatype: Datatype!
  shape: [Int!]!
  data: TensorData!
}

type OutputTensor {
  name: String!
  datatype: Datatype!
  shape: [Int!]!
  "Flat, in row-major order."
  data: TensorData!
}

type InferResult {
  modelName: String!
  "The version that answered."
  modelVersion: String!
  id: String
  outputs: [OutputTensor!]!
}

type Query {
  models: [Model!]!
  "Null if there is none of that name."
  model(name: String!): Model
  statistics: [ModelStatistics!]!
  "Runs the model. Without a version, the split chooses one. By POST only."
  infer(model: String!, version: String, id: String, inputs: [TensorInput!]!, outputs: [String!]): InferResult
}
`;
