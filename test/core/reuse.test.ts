import { describe, expect, test } from 'vitest';
import { type AcceptedVersion, reusedVersions } from '../../core/reuse.ts';

const v1: AcceptedVersion = { name: 'v1', model: { uri: 'pvc://models/1.onnx' } };
const other = { name: 'v1', model: { uri: 'pvc://models/2.onnx' } };
const digest = 'ab'.repeat(32);

describe('reusedVersions', () => {
  test.each<[string, AcceptedVersion[], AcceptedVersion[], RegExp[]]>([
    ['a new name', [v1], [v1, { ...other, name: 'v2' }], []],
    ['the same model again', [v1], [{ name: 'v1', model: { uri: 'pvc://models/1.onnx', sha256: undefined } }], []],
    ['a retired name, which nobody remembers', [], [other], []],
    [
      'another model under a listed name',
      [v1],
      [other],
      [/model of version v1 is immutable.*models\/1\.onnx, not pvc.*2\.onnx/],
    ],
    ['a digest added', [v1], [{ name: 'v1', model: { ...v1.model, sha256: digest } }], []],
    [
      'a digest changed',
      [{ name: 'v1', model: { ...v1.model, sha256: digest } }],
      [{ name: 'v1', model: { ...v1.model, sha256: 'cd'.repeat(32) } }],
      [/sha256 abababababab…\), not .*sha256 cdcdcdcdcdcd…/],
    ],
    ['a digest taken away', [{ name: 'v1', model: { ...v1.model, sha256: digest } }], [v1], [/sha256 abababababab…/]],
    ['a dropped name that comes back with its own model', [{ ...v1, dropped: true }], [v1], []],
    [
      'a dropped name that comes back with another model too early',
      [{ ...v1, dropped: true }],
      [other],
      [/v1 was pvc:\/\/models\/1\.onnx and has not retired yet/],
    ],
  ])('%s', (_, accepted, next, messages) => {
    const reused = reusedVersions(accepted, next);
    expect(reused).toHaveLength(messages.length);
    for (const [i, pattern] of messages.entries()) expect(reused[i]?.message).toMatch(pattern);
  });
});
