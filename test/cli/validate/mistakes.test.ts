/** Command lines that `modelship validate` cannot take. */
import { describe, expect, it } from 'vitest';
import { DIGITS, MODEL, validate } from './support.ts';

describe('mistakes in the command line', () => {
  const file = `${DIGITS}/modeldeployment.yaml`;
  it.each<[string[], RegExp]>([
    [[MODEL(1), '--against', file], /compare manifests with manifests, or one \.onnx file with one/],
    [[MODEL(1), MODEL(2)], /one \.onnx file with one/],
    [['-', '--against', '-'], /only one of the files can be standard input/],
    [
      [file, '--max-disagreement', '0'],
      /^error: --max-disagreement: there is nothing to compare with; give --against FILE/,
    ],
    [[file, '--golden', 'x.json', '--requests', 'x.json'], /--golden and --requests: there is nothing to compare with/],
    [[MODEL(1), '--requests', 'x.json'], /--requests: there is nothing to compare with; say by --against which one/],
    [[MODEL(1), '--tolerance', '1'], /--tolerance is of --golden/],
    [[file, '--against', file, '--golden', 'x.json'], /--golden and --tolerance are for \.onnx files/],
    [[file, '--against', file, '--max-disagreement', '5'], /Expected a fraction from 0 to 1/],
    [[MODEL(1), '--against', MODEL(1), '--requests', 'package.json'], /requests of \S+package\.json: requests: /],
    [[file, '--against', '/dev/null'], /no folder stands in for the claim models; add --volume models=DIR/],
  ])('%j', async (args, message) => {
    const { code, err } = await validate(args);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});
