/** Values of the scalar formats that must be accepted or refused by schema and API server alike; no rule has a message here. */
import { type Fields, manifest, withGpu, withModel, withServing, withVersions } from './builders.ts';

interface FormatCases {
  of: (value: unknown) => Fields;
  accepted: unknown[];
  refused: unknown[];
}

const withRequest = (cpu: unknown): Fields => withServing({ resources: { requests: { cpu } } });

export const FORMAT_CASES: Readonly<Record<string, FormatCases>> = {
  duration: {
    of: (retireAfter) => manifest({ retireAfter }),
    accepted: ['0s', '250ms', '30s', '5m', '1h30m', '1.5h', '1h1m1s1ms', null],
    refused: ['', '5', 5, '1d', '30 s', '-1s', '1h1m1s1ms1ms', '100000h', '1.2345s'],
  },
  quantity: {
    of: withRequest,
    accepted: [0, 1, '1', '500m', '0.5', '128Mi', '40Gi', '2k', '1E'],
    refused: [-1, 0.5, '-1', '1GB', '1 Gi', '', '1Zi', 'one', true],
  },
  size: {
    of: (body) => withServing({ limits: { body } }),
    accepted: [1, '1', '16Mi', '1.5Gi', '0.5Ki', '100k'],
    refused: [0, '0', '0Mi', '0.0Ki', '500m', '1.5', '1Pi', '16MB'],
  },
  percent: {
    of: (shadow) => withVersions({ name: 'a', model: { uri: 'a' } }, { name: 'b', model: { uri: 'b' }, shadow }),
    accepted: [0, 100, 12.5, 99.99, 0.01, 0.07, 0.29],
    refused: [-0.01, 100.01, 101, 0.005, 33.333, '10'],
  },
  'model URI': {
    of: (uri) => withModel({ uri }),
    accepted: [
      's3://bucket/key.onnx',
      'https://example.com/model.onnx?version=1',
      'http://minio:9000/models/x.onnx',
      'pvc://claim/model.onnx',
      'file:///models/x.onnx',
      'file://models/x.onnx',
      'models/x.onnx',
      './x.onnx',
    ],
    refused: ['', 'pcv://claim/x', 's3://bucket', 'pvc://claim', 'pvc:///x', 'https://host', 'file://', 'oci://x/y'],
  },
  'URI of golden requests': {
    of: (uri) => withVersions({ name: 'a', model: { uri: 'a' }, golden: { uri } }),
    accepted: [
      'configmap://digits-golden/golden.json',
      'configmap://a.b/.golden',
      'pvc://models/digits/golden.json',
      's3://bucket/golden.json',
      'https://example.com/golden.json',
      'file:///golden.json',
      './golden.json',
    ],
    refused: [
      '',
      'configmap://golden',
      'configmap:///golden.json',
      'configmap://a/b/golden.json',
      'configmap://a/..',
      'configmap://a/..data',
      'configmap://a/.',
      'configmap://A/golden.json',
      'config://a/golden.json',
    ],
  },
  'a model in a ConfigMap': { of: (uri) => withModel({ uri }), accepted: [], refused: ['configmap://models/x.onnx'] },
  sha256: {
    of: (sha256) => withModel({ uri: 'a', sha256 }),
    accepted: ['0123456789abcdef'.repeat(4)],
    refused: ['0123456789ABCDEF'.repeat(4), 'abc', `sha256:${'a'.repeat(64)}`, 1],
  },
  'version name': {
    of: (name) => withVersions({ name, model: { uri: 'a' } }),
    accepted: ['v1', 'v', 'v-1', 'a'.repeat(40)],
    refused: ['', '1', 'V1', 'v_1', 'v1-', '-v1', 'a'.repeat(41), 1],
  },
  'MIG profile': {
    of: (mig) => withGpu({ mig }),
    accepted: ['1g.10gb', '7g.141gb', '1g.10gb.me'],
    refused: ['1g', '1g.10GB', '10gb', ''],
  },
  'cohort header': {
    of: (header) => manifest({ cohort: { header } }),
    accepted: ['x-user-id', 'user'],
    refused: ['X-User-Id', '', 'user id', 'user:id'],
  },
  'host name': {
    of: (host) => manifest({ routing: { gateway: { parentRefs: [{ name: 'public' }], hostnames: [host] } } }),
    accepted: ['digits.example.com', '*.example.com', 'localhost'],
    refused: ['', 'Digits.example.com', '*', 'https://example.com', 'a..b'],
  },
  'path prefix': {
    of: (pathPrefix) => manifest({ routing: { gateway: { parentRefs: [{ name: 'public' }], pathPrefix } } }),
    accepted: ['/digits', '/team/digits', '/a.b~c_d-e'],
    refused: ['', '/', 'digits', '/digits/', '//digits', '/a/../b', '/a?b', '/a b', '/a/.'],
  },
  'label value': {
    of: (team) => withServing({ pod: { labels: { team } } }),
    accepted: ['', 'vision', 'Vision_1.2-x'],
    refused: ['-vision', 'vision team', 'a'.repeat(64), 1],
  },
};
