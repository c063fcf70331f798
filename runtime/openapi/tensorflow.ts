/** The REST API of TensorFlow Serving: its schemas and operations. */
import { z } from 'zod';
import { ASK_ERRORS, INFER_ERRORS, json, type Operation, VERSION_PARAMETER } from './operation.ts';

const signatureName = z.literal(['serving_default', '']).optional();

const example = z.record(z.string(), z.unknown());

export const TENSORFLOW_SCHEMAS = {
  TensorflowPredictRequest: z
    .object({
      signature_name: signatureName,
      instances: z.array(z.unknown()).optional().describe('Rows: a value each, or an object of values by input.'),
      inputs: z.unknown().optional().describe('Columns: a value, or an object of values by input.'),
    })
    .describe('Either `instances` or `inputs`.'),
  TensorflowPredictResponse: z.union([
    z.strictObject({ predictions: z.array(z.unknown()).describe('To `instances`: row by row.') }),
    z.strictObject({ outputs: z.unknown().describe('To `inputs`: a value, or an object of values by output.') }),
  ]),
  TensorflowExamplesRequest: z.object({
    signature_name: signatureName,
    context: example.optional().describe('Features that all examples have in common.'),
    examples: z.array(example).describe('Features by name.'),
  }),
  TensorflowClassifyResponse: z.strictObject({
    results: z.array(z.array(z.tuple([z.string(), z.number()]))).describe('Of each example, [label, score] pairs.'),
  }),
  TensorflowRegressResponse: z.strictObject({ results: z.array(z.number()).describe('Of each example, its value.') }),
  TensorflowStatus: z.strictObject({
    model_version_status: z.array(
      z.strictObject({
        version: z.string(),
        state: z.enum(['START', 'LOADING', 'AVAILABLE', 'UNLOADING', 'END']),
        status: z.strictObject({ error_code: z.string(), error_message: z.string() }),
      }),
    ),
  }),
  TensorflowMetadata: z.strictObject({
    model_spec: z.strictObject({ name: z.string(), signature_name: z.string(), version: z.string() }),
    metadata: z.strictObject({
      signature_def: z.strictObject({ signature_def: z.record(z.string(), z.unknown()) }),
    }),
  }),
};

const PATHS = [
  ['/v1/models/{model}', '/v1/models/:model', ''],
  ['/v1/models/{model}/versions/{version}', '/v1/models/:model/versions/:version', 'OfVersion'],
  ['/v1/models/{model}/labels/{label}', '/v1/models/:model/labels/:label', 'OfLabel'],
] as const;

const VERBS = [
  ['predict', 'Predict', 'TensorflowPredictRequest', 'Run the model, by rows or by columns.'],
  ['classify', 'Classify', 'TensorflowExamplesRequest', 'Labels and scores of examples.'],
  ['regress', 'Regress', 'TensorflowExamplesRequest', 'Values of examples.'],
] as const;

export const TENSORFLOW_OPERATIONS: Operation[] = PATHS.flatMap(([path, route, suffix]): Operation[] => [
  ...VERBS.map(
    ([verb, name, request, summary]): Operation => ({
      method: 'post',
      path: `${path}:${verb}`,
      route,
      id: `tensorflow${name}${suffix}`,
      summary,
      parameters: [VERSION_PARAMETER],
      request: { required: true, content: json(request) },
      answer: { description: 'What came of it.', content: json(`Tensorflow${name}Response`) },
      errors: INFER_ERRORS,
    }),
  ),
  {
    method: 'get',
    path,
    id: `tensorflowStatus${suffix}`,
    summary: 'Versions and their states.',
    parameters: [VERSION_PARAMETER],
    answer: { description: 'The versions.', content: json('TensorflowStatus') },
    errors: ASK_ERRORS,
  },
  {
    method: 'get',
    path: `${path}/metadata`,
    id: `tensorflowMetadata${suffix}`,
    summary: 'Inputs and outputs of the model.',
    parameters: [VERSION_PARAMETER],
    answer: { description: 'As TensorFlow names them.', content: json('TensorflowMetadata') },
    errors: ASK_ERRORS,
  },
]);
