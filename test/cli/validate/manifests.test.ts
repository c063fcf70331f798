/** `modelship validate --against` of manifests: real models in real runtime processes, no cluster. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cli } from '../support.ts';
import { digest, judged, validate, world } from './support.ts';

describe('a manifest against the one before', () => {
  it('accepts a version that fits, and says what it saw', async () => {
    const { manifest, models } = world();
    const sha256 = digest(models.b);
    const before = manifest('before.yaml', { v1: { file: 'a' } });
    const after = manifest('after.yaml', { v2: { file: 'b', sha256, golden: 'right' } });
    const {
      code,
      verdict,
      models: seen,
      codes,
    } = await judged([after, '--against', before, '--max-disagreement', '0']);
    expect({ code, verdict, codes }).toEqual({ code: 0, verdict: 'accepted', codes: [] });
    expect(seen).toMatchObject([
      {
        deployment: 'echo',
        version: 'v2',
        why: 'added',
        digest: sha256,
        comparedWith: 'v1',
        signature: [],
        golden: 1,
        disagreement: { requests: 1, differing: 0 },
        inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, -1] }],
      },
    ]);
  });

  it('refuses each version for its own reason, and no other', async () => {
    const { manifest } = world();
    const before = manifest('before.yaml', { v1: { file: 'a' } });
    const after = manifest('after.yaml', {
      v1: { file: 'b', traffic: 0 },
      fits: { file: 'b' },
      shape: { file: 'c', traffic: 0 },
      golden: { file: 'b', traffic: 0, golden: 'wrong' },
      digest: { file: 'b', traffic: 0, sha256: 'f'.repeat(64) },
      gone: { file: 'gone', traffic: 0 },
      torn: { file: 'torn', traffic: 0 },
    });
    const { code, verdict, valid, findings, models } = await judged([
      after,
      '--against',
      before,
      '--max-disagreement',
      '0',
    ]);
    expect({ code, verdict, valid }).toEqual({ code: 1, verdict: 'refused', valid: false });
    const told = findings.filter(({ weight }) => weight === 'refused');
    expect(told.map((each) => `${each.version} ${each.code} ${each.path}`)).toEqual([
      'v1 VERSION_REUSED spec.versions[0].model.uri',
      'fits NOTHING_TO_REPLAY spec.versions[1].model',
      'shape SIGNATURE_CHANGED spec.versions[2].model',
      'shape SIGNATURE_CHANGED spec.versions[2].model',
      'golden GOLDEN_MISMATCH spec.versions[3].golden',
      'digest MODEL_DIGEST_MISMATCH spec.versions[4].model',
      'gone MODEL_NOT_THERE spec.versions[5].model',
      'torn MODEL_CORRUPT spec.versions[6].model',
    ]);
    for (const { line, todo } of told)
      expect({ line, todo }).toEqual({ line: expect.any(Number), todo: expect.stringMatching(/\w/) });
    // Its golden answers are wrong, and it is compared all the same.
    expect(models.find(({ version }) => version === 'golden')).toMatchObject({
      comparedWith: 'v1',
      disagreement: { differing: 0 },
    });
    const messages = told.map(({ message }) => message);
    expect(messages).toContain("shape compared with v1: input 'x': FP32 [-1,2] became FP32 [-1,3]");
  }, 90_000);

  it('opens nothing where the manifest itself is wrong', async () => {
    const { manifest } = world();
    const before = manifest('before.yaml', { v1: { file: 'a' } });
    const after = manifest('after.yaml', { v1: { file: 'a', traffic: 50 }, v2: { file: 'torn', traffic: 40 } });
    const { code, codes, models } = await judged([after, '--against', before]);
    expect({ code, codes, models }).toEqual({ code: 1, codes: ['MANIFEST_INVALID spec.versions'], models: [] });
  });

  it('says the place and what to do in one line', async () => {
    const { manifest } = world();
    const before = manifest('before.yaml', { v1: { file: 'a' } });
    const { err, code } = await validate([manifest('after.yaml', { v2: { file: 'c' } }), '--against', before]);
    expect(code).toBe(1);
    expect(err).toMatch(
      /^error: \S+after\.yaml:\d+:\d+ spec\.versions\[0\]\.model: SIGNATURE_CHANGED: v2 compared with v1: /m,
    );
    expect(err).toContain("input 'x': FP32 [-1,2] became FP32 [-1,3]; export the model");
    expect(err).toMatch(/^refused for 2 reasons$/m);
  });

  it('takes a changed signature where the rollout does', async () => {
    const { manifest } = world();
    const before = manifest('before.yaml', { v1: { file: 'a' } });
    const any = { rollout: { steps: [{ traffic: 10 }], signature: 'Any' } };
    const { code, findings } = await judged([manifest('after.yaml', { v2: { file: 'c' } }, any), '--against', before]);
    expect(code).toBe(0);
    expect(findings.map(({ code: each, weight }) => `${each} ${weight}`)).toContain('SIGNATURE_CHANGED note');
  });

  it('gives no verdict where it cannot reach a model', async () => {
    const { manifest, at } = world();
    const before = manifest('before.yaml', { v1: { file: 'a' } });
    const text = `apiVersion: modelship.dev/v1alpha1
kind: ModelDeployment
metadata: {name: echo}
spec: {versions: [{name: v2, model: {uri: "s3://models/a.onnx"}}]}
`;
    writeFileSync(path.join(at, 'after.yaml'), text);
    const { code, verdict, codes } = await judged([path.join(at, 'after.yaml'), '--against', before]);
    expect({ code, verdict, codes }).toEqual({
      code: 7,
      verdict: 'unknown',
      codes: ['URI_UNSUPPORTED spec.versions[0].model'],
    });
  });

  it('gives none where a model takes too long', async () => {
    const { manifest } = world();
    // It takes connections, and says nothing.
    const silent = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await once(silent, 'listening');
    const at = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const before = manifest('before.yaml', { v1: { file: `${at}/a` } });
    const after = manifest('after.yaml', { v2: { file: `${at}/b` } });
    const { code, findings } = await judged([after, '--against', before, '--timeout', '1s']);
    const unknown = findings.filter(({ weight }) => weight === 'unknown').map((each) => each.code);
    expect({ code, unknown: unknown.toSorted() }).toEqual({ code: 7, unknown: ['LOAD_TIMEOUT', 'STABLE_NOT_OPENED'] });
  });

  it('reads what was before from a pipe, beside the new file; nothing is opened that is as it was', async () => {
    const { manifest } = world();
    const after = manifest('after.yaml', { v1: { file: 'a' } });
    const { code, out } = await cli(['validate', after, '--against', '-'], { stdin: readFileSync(after, 'utf8') });
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^OK {2}nothing to open: /) });
  });

  it('opens all where there was nothing before', async () => {
    const { manifest, at } = world();
    writeFileSync(path.join(at, 'none.yaml'), '');
    const { code, models } = await judged([
      manifest('a.yaml', { v1: { file: 'a' } }),
      '--against',
      path.join(at, 'none.yaml'),
    ]);
    expect({ code, models }).toMatchObject({ code: 0, models: [{ version: 'v1', why: 'added' }] });
    expect(models[0]).not.toHaveProperty('comparedWith');
  });

  it('says when what is served cannot be opened', async () => {
    const { manifest } = world();
    const before = manifest('before.yaml', { v1: { file: 'gone' } });
    const { code, findings } = await judged([manifest('after.yaml', { v2: { file: 'b' } }), '--against', before]);
    expect(code).toBe(1);
    expect(findings.find(({ weight }) => weight === 'refused')).toMatchObject({
      code: 'STABLE_NOT_OPENED',
      version: 'v1',
      message: expect.stringContaining('MODEL_NOT_THERE'),
    });
  });
});
