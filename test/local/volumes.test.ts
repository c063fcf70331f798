import { describe, expect, test } from 'vitest';
import { LocalError } from '../../local/errors.ts';
import { localUri } from '../../local/volumes.ts';

const places = { volumes: { models: '/srv/models' }, base: '/home/me/project' };

describe('a model on this machine', () => {
  test.each([
    ['pvc://models/digits/1/model.onnx', '/srv/models/digits/1/model.onnx'],
    ['pvc://models/digits/../iris/model.onnx', '/srv/models/iris/model.onnx'],
    ['models/1.onnx', '/home/me/project/models/1.onnx'],
    ['../models/1.onnx', '/home/me/models/1.onnx'],
    ['/opt/1.onnx', '/opt/1.onnx'],
    ['file:///opt/with%20space/1.onnx', '/opt/with space/1.onnx'],
    ['file://models/1.onnx', '/home/me/project/models/1.onnx'],
    ['configmap://models/golden.json', '/srv/models/golden.json'],
    ['https://example.com/1.onnx', 'https://example.com/1.onnx'],
  ])('%s is %s', (uri, path) => {
    expect(localUri(uri, places)).toBe(path);
  });

  test.each([
    ['pvc://data/1.onnx', 'VOLUME_MISSING', /claim data \(given: models\); add --volume data=DIR/],
    ['pvc://constructor/1.onnx', 'VOLUME_MISSING', /constructor/],
    ['pvc://models/../../etc/passwd', 'PATH_ESCAPES', /inside the claim models/],
    ['pvc://models/..', 'PATH_ESCAPES', /inside/],
    ['pvc://models//etc/passwd', 'PATH_ESCAPES', /inside/],
    ['configmap://data/golden.json', 'VOLUME_MISSING', /ConfigMap data \(given: models\); add --volume data=DIR/],
    ['configmap://models/../x', 'PATH_ESCAPES', /inside the ConfigMap models/],
    ['pvc://models', 'PATH_ESCAPES', /inside/],
    ['s3://bucket/1.onnx', 'URI_UNSUPPORTED', /s3:\/\/ is not read by a local run yet; use a path/],
  ])('%s is refused with %s', (uri, code, message) => {
    const refused = () => localUri(uri, places);
    expect(refused).toThrow(LocalError);
    expect(refused).toThrow(message);
    expect(refused).toThrow(expect.objectContaining({ code }));
  });
});
