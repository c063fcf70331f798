import { describe, expect, test } from 'vitest';
import { howItCame } from '../../../runtime/tracing/route.ts';
import { type Env, tracingSettings } from '../../../runtime/tracing/settings.ts';

function read(env: Env) {
  const problems: string[] = [];
  const settings = tracingSettings(env, ({ code, message }) => problems.push(`${code}: ${message}`));
  return { settings, problems };
}

const ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const HERE = { [ENDPOINT]: 'http://collector:4318' };

describe('tracing is', () => {
  test.each<[string, Env]>([
    ['nothing is said', {}],
    ['there is a name only', { OTEL_SERVICE_NAME: 'digits', OTEL_TRACES_SAMPLER: 'always_on' }],
    ['the endpoint is empty', { [ENDPOINT]: '' }],
    ['the SDK is disabled', { ...HERE, OTEL_SDK_DISABLED: 'TRUE' }],
    ['traces are not exported', { ...HERE, OTEL_TRACES_EXPORTER: 'none' }],
  ])('off, without a word, where %s', (_when, env) => {
    expect(read(env)).toEqual({ settings: undefined, problems: [] });
  });

  test.each<[string, Env, RegExp]>([
    ['the endpoint is no URL', { [ENDPOINT]: 'collector:4317' }, /^OTEL_INVALID: OTEL_EXPORTER_OTLP_ENDPOINT .*http:/],
    ['the endpoint has no host', { [ENDPOINT]: 'http://' }, /^OTEL_INVALID: OTEL_EXPORTER_OTLP_ENDPOINT /],
    [
      'the exporter is another',
      { ...HERE, OTEL_TRACES_EXPORTER: 'zipkin' },
      /^OTEL_UNSUPPORTED: OTEL_TRACES_EXPORTER is 'zipkin'/,
    ],
  ])('off where %s, and says so', (_when, env, why) => {
    expect(read(env)).toEqual({ settings: undefined, problems: [expect.stringMatching(why)] });
  });

  test.each<[string, Env, string]>([
    ['an endpoint', HERE, 'http://collector:4318/v1/traces'],
    ['one with a path', { [ENDPOINT]: 'https://c/otlp/' }, 'https://c/otlp/v1/traces'],
    ['one with a query', { [ENDPOINT]: 'https://c/otlp?key=1' }, 'https://c/otlp/v1/traces?key=1'],
    ['one for traces, as it is', { ...HERE, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://t:9/in' }, 'http://t:9/in'],
  ])('on by %s', (_by, env, url) => {
    const { settings, problems } = read(env);
    expect([settings, problems]).toMatchObject([{ url, sampler: 'parentbased_always_on', ratio: 1 }, []]);
  });
});

test.each<[Env, object, RegExp[]]>([
  [{ OTEL_TRACES_SAMPLER: 'always_off' }, { sampler: 'always_off', ratio: 1 }, []],
  [
    { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' },
    { sampler: 'parentbased_traceidratio', ratio: 0.25 },
    [],
  ],
  [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' }, { ratio: 1 }, [/_ARG is '2'.*0 to 1/]],
  [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: 'x' }, { ratio: 1 }, [/_ARG is 'x'/]],
  [{ OTEL_TRACES_SAMPLER: 'xray' }, { sampler: 'parentbased_always_on' }, [/'xray'.*parentbased_always_on/]],
  [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, {}, [/'grpc'.*http\/protobuf.*4318/]],
  [{ OTEL_BSP_MAX_QUEUE_SIZE: '100', OTEL_BSP_SCHEDULE_DELAY: '9' }, { queueSize: 100, delayMs: 9 }, []],
  [{ OTEL_EXPORTER_OTLP_TIMEOUT: '10s' }, {}, [/OTEL_EXPORTER_OTLP_TIMEOUT is '10s'/]],
  [{ OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'zip' }, {}, [/TRACES_COMPRESSION is 'zip'.*gzip or none/]],
  [{ OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b, x-other = 1==,' }, {}, []],
  [
    { OTEL_EXPORTER_OTLP_HEADERS: 'a=1,secret' },
    {},
    [/^OTEL_INVALID: OTEL_EXPORTER_OTLP_HEADERS: entry 2 is wrong; write /],
  ],
  [{ OTEL_EXPORTER_OTLP_HEADERS: 'a b=secret' }, {}, [/HEADERS: entry 1 is wrong/]],
  [{ OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'authorization=secret%0A' }, {}, [/TRACES_HEADERS: entry 1 is wrong/]],
  [{ OTEL_RESOURCE_ATTRIBUTES: 'k8s.pod.name=digits,team=%ZZ' }, {}, [/RESOURCE_ATTRIBUTES: entry 2 is wrong/]],
  [{ OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '-1' }, { batchSize: undefined }, [/BATCH_SIZE is '-1'/]],
])('%o is read, and what is wrong in it is told', (env, wanted, why) => {
  const { settings, problems } = read({ ...HERE, ...env });
  expect(settings).toMatchObject(wanted);
  expect(problems).toEqual(why.map((each) => expect.stringMatching(each)));
  expect(problems.join()).not.toContain('secret');
});

test.each([
  ['/v2/models/m/infer', '/v2/models/:model/infer', 'rest'],
  ['/v2/models/m/infer/?a=1', '/v2/models/:model/infer', 'rest'],
  ['/v2/models/m/versions/v1/infer', '/v2/models/:model/versions/:version/infer', 'rest'],
  ['/v1/models/m:predict', '/v1/models/:model:predict', 'tensorflow'],
  ['/v1/models/m/versions/2:classify', '/v1/models/:model/versions/:version:classify', 'tensorflow'],
  ['/v1/models/m/labels/stable:regress', '/v1/models/:model/labels/:label:regress', 'tensorflow'],
  ['/inference.GRPCInferenceService/ModelInfer', '/inference.GRPCInferenceService/ModelInfer', 'grpc'],
  ['/my/predict', '/my/predict', 'vertex'],
  ['/anything/else', undefined, undefined],
])('a request for %s came by %s', (url, route, protocol) => {
  expect(howItCame({ url }, '/my/predict')).toEqual({ protocol, route, rpc: undefined });
});
