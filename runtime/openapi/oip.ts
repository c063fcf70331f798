/** The Open Inference Protocol v2 over REST: its schemas and operations. */
import { z } from 'zod';
import { REQUEST_ERRORS, type RequestErrorCode } from '../errors.ts';
import { DATATYPES } from '../protocol/datatypes.ts';
import { ASK_ERRORS, INFER_ERRORS, json, type Operation, type Parameter, VERSION_PARAMETER } from './operation.ts';

const errorCodes = Object.keys(REQUEST_ERRORS) as [RequestErrorCode, ...RequestErrorCode[]];

const dimension = z.int().min(0);
const parameters = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
const values = z
  .array(z.unknown())
  .describe(
    'Flat in row-major order, or nested as the shape says. NaN and infinities are "NaN", "Infinity", "-Infinity".',
  );

const tensorMetadata = z.strictObject({
  name: z.string(),
  datatype: z.enum(DATATYPES),
  shape: z.array(z.int().min(-1)).describe('−1 for a dimension that is not fixed.'),
});

const requestInput = z.object({
  name: z.string(),
  datatype: z.enum(DATATYPES),
  shape: z.array(dimension),
  data: z.unknown().optional().describe('Values, flat or nested. Left out where parameters.binary_data_size is given.'),
  parameters: parameters.optional().describe('`binary_data_size`: bytes of this tensor behind the JSON.'),
});

const requestOutput = z.object({
  name: z.string(),
  parameters: parameters
    .optional()
    .describe('`binary_data`: as bytes. `classification`: so many of the largest values.'),
});

const responseOutput = z.strictObject({
  name: z.string(),
  datatype: z.enum(DATATYPES),
  shape: z.array(dimension),
  data: values.optional(),
  parameters: parameters.optional(),
});

export const OIP_SCHEMAS = {
  Error: z.strictObject({
    error: z.string().describe('What was wrong, where, and what to do. For people; it may change.'),
    code: z.enum(errorCodes),
  }),
  Live: z.strictObject({ live: z.literal(true) }),
  Ready: z.strictObject({ ready: z.literal(true) }),
  ServerMetadata: z.strictObject({ name: z.string(), version: z.string(), extensions: z.array(z.string()) }),
  TensorMetadata: tensorMetadata,
  ModelMetadata: z.strictObject({
    name: z.string(),
    versions: z.array(z.string()),
    platform: z.string(),
    inputs: z.array(tensorMetadata),
    outputs: z.array(tensorMetadata),
  }),
  ModelReady: z.strictObject({ name: z.string(), version: z.string(), ready: z.literal(true) }),
  RequestInput: requestInput,
  RequestOutput: requestOutput,
  InferRequest: z.object({
    id: z.string().optional().describe('Echoed.'),
    inputs: z.array(requestInput),
    outputs: z.array(requestOutput).optional().describe('Left out or empty: all, in the order of the model.'),
    parameters: parameters.optional().describe('`binary_data_output`: all outputs as bytes.'),
  }),
  ResponseOutput: responseOutput,
  InferResponse: z.strictObject({
    model_name: z.string(),
    model_version: z.string().describe('The version that answered.'),
    id: z.string().optional(),
    outputs: z.array(responseOutput),
  }),
};

const JSON_LENGTH: Parameter = {
  name: 'inference-header-content-length',
  in: 'header',
  description: 'Bytes of JSON that the body begins with; the tensors that are not in it follow, in its order.',
};

const MODEL_PATHS = [
  ['/v2/models/{model}', ''],
  ['/v2/models/{model}/versions/{version}', 'OfVersion'],
] as const;

/** Inference alone: what other protocols forward to. */
export const OIP_INFER_OPERATIONS: Operation[] = MODEL_PATHS.map(([path, suffix]) => ({
  method: 'post',
  path: `${path}/infer`,
  id: `infer${suffix}`,
  summary: 'Run the model.',
  parameters: [VERSION_PARAMETER, JSON_LENGTH],
  request: {
    required: true,
    content: { 'application/json': { schema: 'InferRequest' }, 'application/octet-stream': 'bytes' },
  },
  answer: {
    description: 'The outputs.',
    content: { 'application/json': { schema: 'InferResponse' }, 'application/octet-stream': 'bytes' },
  },
  errors: INFER_ERRORS,
}));

export const OIP_OPERATIONS: Operation[] = [
  {
    method: 'get',
    path: '/v2',
    id: 'serverMetadata',
    summary: 'The server and the extensions that it offers.',
    answer: { description: 'Name, version, extensions.', content: json('ServerMetadata') },
  },
  {
    method: 'get',
    path: '/v2/health/live',
    id: 'serverLive',
    summary: 'Whether the process answers.',
    answer: { description: 'It does.', content: json('Live') },
  },
  {
    method: 'get',
    path: '/v2/health/ready',
    id: 'serverReady',
    summary: 'Whether the model can be asked.',
    answer: { description: 'It can.', content: json('Ready') },
    errors: ['NOT_READY', 'DIGEST_CHANGED'],
  },
  ...MODEL_PATHS.flatMap(([path, suffix]): Operation[] => [
    {
      method: 'get',
      path,
      id: `modelMetadata${suffix}`,
      summary: 'Versions, inputs and outputs of the model.',
      parameters: [VERSION_PARAMETER],
      answer: { description: 'As the model itself declares them.', content: json('ModelMetadata') },
      errors: ASK_ERRORS,
    },
    {
      method: 'get',
      path: `${path}/ready`,
      id: `modelReady${suffix}`,
      summary: 'Whether the model can be asked.',
      parameters: [VERSION_PARAMETER],
      answer: { description: 'It can.', content: json('ModelReady') },
      errors: ASK_ERRORS,
    },
  ]),
  ...OIP_INFER_OPERATIONS,
];
