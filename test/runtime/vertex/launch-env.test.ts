import { describe, expect, test } from 'vitest';
import { launchArgs } from '../../../api/launch.ts';
import { parseLaunch } from '../../../runtime/launch-args.ts';
import { type Machine, withEnvironment } from '../../../runtime/launch-env.ts';
import { launchWith } from '../harness.ts';

/** @param files names by folder */
function machine(env: Machine['env'], files: Record<string, string[]> = {}): Machine {
  return { env, cores: 2, filesIn: (folder) => files[folder] };
}

const SAGEMAKER = { '/opt/ml/model': ['model.onnx', 'labels.txt'] };
const launched = (args: string[], at: Machine) => parseLaunch(withEnvironment(args, at));

describe('SageMaker', () => {
  test('serve: the model of the artefact, on port 8080', () => {
    expect(launched(['serve'], machine({}, SAGEMAKER))).toMatchObject({
      model: 'model',
      version: 'v1',
      uri: '/opt/ml/model/model.onnx',
      entry: '0.0.0.0:8080',
      direct: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      serving: {
        protocols: ['rest', 'tensorflow', 'sagemaker'],
        execution: { cores: 2 },
        limits: { bodyBytes: 25 * 2 ** 20, timeoutMs: 60_000, queue: 1024 },
      },
    });
  });

  test('what SageMaker and the user say in the environment', () => {
    const env = {
      SAGEMAKER_BIND_TO_PORT: '8501',
      SAGEMAKER_SAFE_PORT_RANGE: '21000-22000',
      SAGEMAKER_MAX_PAYLOAD_IN_MB: '6',
      SAGEMAKER_MODEL_SERVER_TIMEOUT: '20',
      SAGEMAKER_BASE_DIR: '/elsewhere',
      MODELSHIP_MODEL: 'digits',
      MODELSHIP_VERSION: 'v7',
      MODELSHIP_SERVING: '{"session": {"threads": 4}, "protocols": ["sagemaker"], "warmupRequests": 0}',
    };
    const files = { '/elsewhere/model': ['digits.onnx'] };
    const { serving, ...launch } = launched(['serve'], machine(env, files));
    expect(launch).toMatchObject({
      model: 'digits',
      version: 'v7',
      uri: '/elsewhere/model/digits.onnx',
      entry: '0.0.0.0:8501',
      direct: '127.0.0.1:21000',
      admin: '127.0.0.1:21001',
    });
    expect(serving).toMatchObject({
      session: { threads: 4, graphOptimization: 'all' },
      protocols: ['sagemaker'],
      warmupRequests: 0,
      limits: { bodyBytes: 6 * 2 ** 20, timeoutMs: 20_000 },
    });
  });

  test('several models, or none: the load says that there is no model.onnx', () => {
    for (const files of [['a.onnx', 'b.onnx'], []]) {
      const { uri } = launched(['serve'], machine({}, { '/opt/ml/model': files }));
      expect(uri).toBe('/opt/ml/model/model.onnx');
    }
  });

  test('flags win over the environment', () => {
    const serving = JSON.stringify(launchWith().serving);
    const args = ['serve', '--version', 'v3', '--uri=/m.onnx', '--entry', '127.0.0.1:0', '--serving', serving];
    const env = { MODELSHIP_VERSION: 'v2', MODELSHIP_URI: '/n.onnx' };
    expect(launched(args, machine(env, SAGEMAKER))).toMatchObject({
      version: 'v3',
      uri: '/m.onnx',
      entry: '127.0.0.1:0',
      serving: { protocols: ['rest'] },
    });
  });

  test('without the folder it is no SageMaker', () => {
    expect(() => launched(['serve'], machine({}))).toThrow(/serve/);
  });
});

describe('Vertex AI', () => {
  const VERTEX = { AIP_HTTP_PORT: '8080', AIP_MODE: 'PREDICTION' };

  test.each([
    ['/models/m', '/models/m/only.onnx'],
    ['/models/m/', '/models/m/only.onnx'],
    ['file:///models/m', '/models/m/only.onnx'],
    ['/models/x.onnx', '/models/x.onnx'],
    ['https://storage/m', 'https://storage/m/model.onnx'],
    ['https://storage/m/a.onnx', 'https://storage/m/a.onnx'],
    ['gs://mounted/m', '/gcs/mounted/m/model.onnx'],
    ['gs://mounted/m/model.onnx', '/gcs/mounted/m/model.onnx'],
  ])('AIP_STORAGE_URI=%s', (uri, expected) => {
    const files = { '/models/m': ['only.onnx'], '/gcs/mounted/m': ['model.onnx'] };
    expect(launched([], machine({ ...VERTEX, AIP_STORAGE_URI: uri }, files))).toMatchObject({
      model: 'model',
      version: 'v1',
      uri: expected,
      entry: '0.0.0.0:8080',
      serving: { protocols: ['rest', 'tensorflow', 'vertex'], limits: { bodyBytes: 16 * 2 ** 20 } },
    });
  });

  test.each([
    ['gs://bucket/m', 'MODEL_URI_UNSUPPORTED', /gs:\/\/bucket\/m.*mount the bucket/],
    ['s3://bucket/m', 'MODEL_URI_UNSUPPORTED', /MODELSHIP_URI/],
    ['', 'LAUNCH_INVALID', /AIP_STORAGE_URI is empty/],
  ])("AIP_STORAGE_URI='%s' is refused", (uri, code, message) => {
    const at = machine({ ...VERTEX, AIP_STORAGE_URI: uri });
    expect(() => launched([], at)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
    expect(launched(['--uri', '/m.onnx'], at).uri).toBe('/m.onnx');
    const stated = machine({ ...VERTEX, AIP_STORAGE_URI: uri, MODELSHIP_URI: '/n.onnx' });
    expect(launched([], stated).uri).toBe('/n.onnx');
  });

  test.each([
    ['AIP_HTTP_PORT', 'http'],
    ['AIP_HTTP_PORT', '0'],
    ['AIP_HTTP_PORT', '70000'],
    ['MODELSHIP_SERVING', '[1]'],
    ['MODELSHIP_SERVING', '{'],
  ])('%s=%s is refused by its name', (name, value) => {
    const at = machine({ ...VERTEX, AIP_STORAGE_URI: '/m.onnx', [name]: value });
    expect(() => launched([], at)).toThrow(
      expect.objectContaining({ code: 'LAUNCH_INVALID', message: expect.stringContaining(name) }),
    );
  });
});

test("a launch that names its model is nobody else's, whatever the environment says", () => {
  const at = machine({ AIP_HTTP_PORT: '1', SAGEMAKER_BIND_TO_PORT: '2' }, SAGEMAKER);
  const args = launchArgs(launchWith());
  expect(withEnvironment(args, at)).toBe(args);
  expect(withEnvironment(['--model=m'], at)).toEqual(['--model=m']);
});

test('without either, the command line is judged as it stands', () => {
  expect(() => launched([], machine({}, SAGEMAKER))).toThrow(/--model: is missing/);
});
