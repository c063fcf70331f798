/** The container contracts of SageMaker and Vertex AI: their schemas and operations. */
import { z } from 'zod';
import type { VertexRoutes } from '../routes/vertex.ts';
import { type Content, INFER_ERRORS, json, type Operation, type Parameter } from './operation.ts';

export const PLATFORM_SCHEMAS = {
  Rows: z.array(z.unknown()),
  Predictions: z.strictObject({ predictions: z.array(z.unknown()) }),
  SagemakerParameters: z.strictObject({
    MaxConcurrentTransforms: z.int().min(1),
    BatchStrategy: z.literal('MULTI_RECORD'),
    MaxPayloadInMB: z.int().min(1),
  }),
  VertexRequest: z.object({
    instances: z.array(z.unknown()).describe('Rows: a value each, or an object of values by input.'),
    parameters: z.record(z.string(), z.unknown()).nullish().describe('Ignored.'),
  }),
  VertexHealth: z.strictObject({}),
};

const HEALTH_ERRORS = ['NOT_READY', 'DIGEST_CHANGED'] as const;

/** Those that are no JSON. */
const OTHER_BODIES: Record<string, Content> = {
  'application/jsonlines': 'text',
  'text/csv': 'text',
  'application/x-npy': 'bytes',
  'application/octet-stream': 'bytes',
  'application/vnd.sagemaker-triton.binary+json': 'bytes',
};

const TARGETS: Parameter[] = [
  {
    name: 'x-amzn-sagemaker-target-variant',
    in: 'header',
    description: 'The version that must answer, by its name, its number or its label, where there is a traffic table.',
  },
  { name: 'x-amzn-sagemaker-target-model', in: 'header', description: 'The model, which must be this one.' },
  { name: 'x-amzn-sagemaker-custom-attributes', in: 'header', description: 'Given back as it is.' },
];

export const SAGEMAKER_OPERATIONS: Operation[] = [
  {
    method: 'get',
    path: '/ping',
    id: 'sagemakerPing',
    summary: 'Whether the model can be asked.',
    answer: { description: 'It can.', content: {} },
    errors: HEALTH_ERRORS,
  },
  {
    method: 'get',
    path: '/execution-parameters',
    id: 'sagemakerExecutionParameters',
    summary: 'How batch transform may send.',
    answer: { description: 'Its parameters.', content: json('SagemakerParameters') },
  },
  {
    method: 'post',
    path: '/invocations',
    id: 'sagemakerInvocation',
    summary: 'Run the model. The answer is of the kind that `accept` prefers, or that the request is of.',
    parameters: TARGETS,
    request: { required: true, content: { 'application/json': { schema: 'SagemakerRequest' }, ...OTHER_BODIES } },
    answer: {
      description: 'What came of it.',
      content: { 'application/json': { schema: 'SagemakerResponse' }, ...OTHER_BODIES },
    },
    errors: INFER_ERRORS,
  },
];

const DEFAULT_PATH = '/v1/endpoints/{endpoint}/deployedModels/{deployed}';
const DEFAULT_ROUTE = '/v1/endpoints/:endpoint/deployedModels/:deployed';

/** @param routes those that Vertex AI names in the environment; they come beside the default ones */
export function vertexOperations({ health, predict }: VertexRoutes): Operation[] {
  const healthy = (path: string, suffix: string): Operation => ({
    method: 'get',
    path,
    id: `vertexHealth${suffix}`,
    summary: 'Whether the model can be asked.',
    answer: { description: 'It can.', content: json('VertexHealth') },
    errors: HEALTH_ERRORS,
  });
  const predicted = (path: string, suffix: string): Operation => ({
    method: 'post',
    path,
    id: `vertexPredict${suffix}`,
    summary: 'Run the model, by rows.',
    request: { required: true, content: json('VertexRequest') },
    answer: { description: 'Row by row.', content: json('Predictions') },
    errors: INFER_ERRORS,
  });
  return [
    { ...healthy(DEFAULT_PATH, ''), route: DEFAULT_ROUTE },
    { ...predicted(`${DEFAULT_PATH}:predict`, ''), route: DEFAULT_ROUTE },
    ...(health === undefined ? [] : [healthy(health, 'AtRoute')]),
    ...(predict === undefined ? [] : [predicted(predict, 'AtRoute')]),
  ];
}
