/** What `modelship validate` compares, and what it says where there is nothing to compare. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { DEFAULT_RULE, difference } from '../../../api/compare.ts';
import { comparable } from '../../../cli/validate/answers.ts';
import { parseExact } from '../../../cli/validate/exact.ts';
import { cli } from '../support.ts';
import { DIGITS, judged, MODEL, validate, world } from './support.ts';

describe('what cannot be compared is not called alike', () => {
  it('a ModelDeployment that is not in the files before', async () => {
    const { manifest } = world();
    const before = manifest('before.yaml', { v1: { file: 'a' } });
    const text = readFileSync(before, 'utf8');
    writeFileSync(before, text.replace('"echo"', '"ecko"'));
    const { code, out } = await validate([manifest('after.yaml', { v2: { file: 'b' } }), '--against', before]);
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(
        /^OK {2}the version serves; compared with nothing, since \S+ does not have it: echo$/m,
      ),
    });
  });

  it('requests that both refuse', async () => {
    const { manifest, at } = world();
    const requests = path.join(at, 'others.json');
    writeFileSync(requests, readFileSync(path.join(at, 'right.json'), 'utf8').replace('"x"', '"other"'));
    const before = manifest('before.yaml', { v1: { file: 'a' } });
    const all = [manifest('after.yaml', { v2: { file: 'b' } }), '--against', before, '--requests', requests];
    const strict = await judged([...all, '--max-disagreement', '0']);
    expect(strict).toMatchObject({ code: 1, codes: ['NOTHING_TO_REPLAY spec.versions[0].model'] });
    expect(strict.findings.find(({ weight }) => weight === 'refused')?.message).toMatch(
      /request 'one' is refused by both: .*no input 'other'/,
    );
    const { code, models } = await judged(all);
    expect({ code, models }).toMatchObject({ code: 0, models: [{ disagreement: { requests: 0, untold: 1 } }] });
  });

  it('outputs that the rule names and nobody has', async () => {
    const { manifest } = world();
    const compare = {
      rollout: {
        steps: [{ traffic: 10 }],
        analysis: { checks: [{ metric: 'disagreement', max: 0.1 }], mirror: 10, compare: { outputs: ['z'] } },
      },
    };
    const before = manifest('before.yaml', { v1: { file: 'a' } });
    const after = manifest('after.yaml', { v2: { file: 'b', golden: 'right' } }, compare);
    const { codes, findings } = await judged([after, '--against', before, '--max-disagreement', '0']);
    expect(codes).toEqual(['NOTHING_TO_REPLAY spec.versions[0].model']);
    expect(findings.find(({ weight }) => weight === 'refused')?.message).toMatch(
      /request 'one' has none of the outputs that are compared: z$/,
    );
  });
});

describe('one file of a model against another', () => {
  it('accepts the better digits, and counts where they differ', async () => {
    const { code, out } = await cli(['validate', MODEL(2), '--against', MODEL(1), '--golden', `${DIGITS}/golden.json`]);
    expect(code).toBe(0);
    expect(out).toMatch(
      /6cd49bdc2649 {2}fits \S+1\/model\.onnx {2}30 right {2}0 of 30 \(0%\)\nOK {2}the version serves/,
    );
  });

  it('refuses more disagreement than is allowed, and tells the first', async () => {
    const more = ['--requests', `${DIGITS}/golden.json`, '--max-disagreement', '0.1'];
    const { code, findings, models } = await judged([MODEL(3), '--against', MODEL(1), ...more]);
    expect({ code, models }).toMatchObject({ code: 1, models: [{ disagreement: { requests: 30, differing: 4 } }] });
    expect(findings).toMatchObject([
      {
        code: 'DISAGREEMENT',
        message: expect.stringMatching(/4 of 30 .*allowed 10%: request '3-2' output 'label'\[0\]: 3 became 9/),
      },
    ]);
  });
});

describe('two answers in JSON', () => {
  const of = (datatype: string, json: string) => {
    const data = parseExact(`[${json}]`) as unknown[];
    return [comparable({ name: 'y', datatype, shape: [1, data.length], data })];
  };
  // 64-bit labels, which a number would round; and numbers that JSON has no words for.
  test.each([
    ['INT64', '7, 9007199254740993', '7, 9007199254740993', undefined],
    ['INT64', '9007199254740993', '9007199254740992', '[0,0]: 9007199254740993 became 9007199254740992'],
    ['BOOL', 'true, false', 'true, true', '[0,1]: false became true'],
    ['BYTES', '"a"', '"b"', "[0,0]: 'a' became 'b'"],
    ['FP32', '1, "NaN", "Infinity"', '1.00001, "NaN", "Infinity"', undefined],
    ['FP16', '"Infinity"', '5', '[0,0]: Infinity became 5, Infinity off, allowed Infinity'],
  ])('%s %s, and %s', (datatype, was, is, wanted) => {
    const why = difference(of(datatype, was), of(datatype, is), DEFAULT_RULE);
    expect(why).toBe(wanted && `output 'y'${wanted}`);
  });
});
