/** A runtime that is started with golden requests: real models, what counts as the same, files that are none. */
import { describe, expect, test } from 'vitest';
import { GOLDEN_MAX_BYTES } from '../../../api/golden.ts';
import { badVersion } from '../../fixtures/bad-versions.ts';
import { ask, DIGITS, run, temporaryFolder } from '../harness.ts';
import { addition, identity } from '../onnx-builder.ts';
import { failure, GOLDEN, one, with_, written, x, y } from './support.ts';

const V3 = 'examples/digits/models/3/model.onnx';

/** The failure of the model `y = x` with such a file. */
async function identityWith(content: unknown, tolerance = 1e-4) {
  const golden = { uri: await written(content), tolerance };
  return failure({ model: identity('FP32'), launch: { golden } });
}

describe('the golden requests of digits', () => {
  test.each(['1', '2'])('v%s answers them: it is ready, and the report has the phase', async (version) => {
    const running = await run(with_(`examples/digits/models/${version}/model.onnx`, GOLDEN));
    const { json } = await ask(`${running.admin}/modelship/report`);
    expect(json.ready).toBe(true);
    expect(json.load.phases.golden).toBeGreaterThan(0);
    // They are no requests of users.
    expect(json.versions.v1).toMatchObject({ answered: 0, routed: 0 });
    expect(json.latency).toEqual({});
  });

  test('v3 is taken for what it is', async () => {
    const [code, message] = await failure(with_(V3, GOLDEN));
    expect(code).toBe('GOLDEN_MISMATCH');
    expect(message).toMatch(
      /^golden request '3-\d' output 'label'\[0\]: expected 3, got \d \(\d of 30 requests differ\)$/,
    );
  });

  test('a model that fails on every real request', async () => {
    const [code, message] = await failure(with_(await badVersion('failing', await temporaryFolder()), GOLDEN));
    expect([code, message]).toEqual([
      'GOLDEN_MISMATCH',
      expect.stringMatching(/'0-1' got no answer: INFERENCE_FAILED: .*30 of 30/),
    ]);
  });

  test('a model with another signature', async () => {
    const [code, message] = await failure(with_(await badVersion('other-signature', await temporaryFolder()), GOLDEN));
    expect([code, message]).toEqual([
      'GOLDEN_MISMATCH',
      expect.stringMatching(/got no answer: UNKNOWN_INPUT: .*'image'/),
    ]);
  });

  test('workers and batches answer them too', async () => {
    const serving = { execution: { cores: 2, workers: 2 }, batching: { maxBatchSize: 8, maxDelayMs: 1 } };
    const { server } = await run({ ...with_(DIGITS, GOLDEN), serving });
    expect(server.own.ready).toBe(true);
  });

  test('none are asked for: no phase', async () => {
    const { server } = await run();
    expect(server.own.phases).not.toHaveProperty('golden');
  });
});

describe('what counts as the same', () => {
  test('numbers within the tolerance, NaN and infinities by their words, nested data', async () => {
    const inputs = [x(['NaN', 'Infinity', 0.5, 1], [4])];
    const uri = await written(one(inputs, [y(['NaN', 'Infinity', 0.55, 1], [4])]));
    const { server } = await run({ model: identity('FP32'), launch: { golden: { uri, tolerance: 0.1 } } });
    expect(server.own.ready).toBe(true);
    const nested = await written(one([x([[1], [2]], [2, 1])], [y([[1], [2]], [2, 1])]));
    const square = { model: identity('FP32', ['n', 1]), launch: { golden: { uri: nested, tolerance: 0 } } };
    expect((await run(square)).server.own.ready).toBe(true);
  });

  test('integers of 64 bits, to the last digit', async () => {
    const integers = (sum: string) => `{"requests": [{"inputs": [
      {"name": "a", "datatype": "INT64", "shape": [1], "data": [9007199254740992]},
      {"name": "b", "datatype": "INT64", "shape": [1], "data": [1]}
    ], "outputs": [{"name": "sum", "datatype": "INT64", "shape": [1], "data": [${sum}]}]}]}`;
    const start = async (sum: string) => ({
      model: addition('INT64'),
      launch: { golden: { uri: await written(integers(sum)), tolerance: 10 } },
    });
    expect((await run(await start('9007199254740993'))).server.own.ready).toBe(true);
    const [code, message] = await failure(await start('9007199254740992'));
    expect([code, message]).toEqual([
      'GOLDEN_MISMATCH',
      "golden request requests[0] output 'sum'[0]: expected 9007199254740992, got 9007199254740993 (1 of 1 request differs)",
    ]);
  });

  test.each<[string, unknown, string]>([
    [
      'a number',
      one([x([1])], [y([2])], 'two'),
      "golden request 'two' output 'y'[0]: expected 2, got 1 (1 of 1 request differs)",
    ],
    [
      'a shape',
      one([x([1])], [y([1], [1, 1])]),
      "golden request requests[0] output 'y': expected the shape [1,1], got [1]",
    ],
    ['a datatype', one([x([1])], [{ ...y([1]), datatype: 'FP64' }]), 'expected FP64, got FP32'],
    [
      'an output that the model lacks',
      one([x([1])], [{ ...y([1]), name: 'z' }]),
      "got no answer: UNKNOWN_OUTPUT: the model has no output 'z'",
    ],
    ['an input that it refuses', one([x(['a'])], [y([1])]), 'got no answer: INPUT_DATA'],
    [
      'the second of three',
      { requests: [1, 2, 3].map((n) => ({ inputs: [x([n])], outputs: [y([n === 2 ? 0 : n])] })) },
      "golden request requests[1] output 'y'[0]: expected 0, got 2 (1 of 3 requests differs)",
    ],
  ])('%s differs', async (_name, content, says) => {
    const [code, message] = await identityWith(content);
    expect([code, message]).toEqual(['GOLDEN_MISMATCH', expect.stringContaining(says)]);
  });
});

describe('files that are none', () => {
  test.each<[string, unknown, RegExp]>([
    ['no JSON', '{"requests": [', /it is not JSON: /],
    ['no UTF-8', Buffer.from([0xff, 0xfe]), /not UTF-8/],
    ['no requests', {}, /: requests: /],
    ['empty', { requests: [] }, /: requests: /],
    ['too many', { requests: Array(1_001).fill({ inputs: [], outputs: [y([1])] }) }, /: requests: .*1000/],
    ['an unknown field', { requests: [{ input: [], inputs: [], outputs: [y([1])] }] }, /requests\[0\]: .*"input"/],
    ['no outputs', one([x([1])], []), /requests\[0\]\.outputs: /],
    [
      'an unknown datatype',
      one([x([1])], [{ ...y([1]), datatype: 'FLOAT' }]),
      /requests\[0\]\.outputs\[0\]\.datatype: "FLOAT"/,
    ],
    ['a dimension that is none', one([x([1])], [y([1], [-1])]), /requests\[0\]\.outputs\[0\]\.shape\[0\]: /],
    [
      'too few values',
      one([x([1])], [y([1], [2])]),
      /requests\[0\]\.outputs\[0\]\.data: it has 1 values, but .*\[2\] holds 2/,
    ],
    [
      'a value that is none',
      one([x([1])], [y([null])]),
      /requests\[0\]\.outputs\[0\]\.data\[0\]: it is null; FP32 takes/,
    ],
    ['data that are none', one([x([1])], [y('1')]), /requests\[0\]\.outputs\[0\]\.data: it is "1", not an array/],
    ['no data', one([x([1])], [y(undefined)]), /requests\[0\]\.outputs\[0\]: it has no data/],
    [
      'an output twice',
      one([x([1])], [y([1]), y([1])]),
      /requests\[0\]\.outputs\[1\]\.name: the output 'y' is given twice/,
    ],
  ])('%s', async (_name, content, says) => {
    const [code, message] = await identityWith(content);
    expect([code, message]).toEqual(['GOLDEN_INVALID', expect.stringMatching(says)]);
    expect(message).toMatch(/^the golden requests in \/.*golden\.json: /);
  });

  test('deep nesting is refused, not followed', async () => {
    const deep = `${'['.repeat(100_000)}1${']'.repeat(100_000)}`;
    const content = JSON.stringify(one([x([1])], [y('deep')])).replace('"deep"', deep);
    expect(await identityWith(content)).toEqual(['GOLDEN_INVALID', expect.stringMatching(/outputs\[0\]\.data/)]);
  });

  test('larger than may be', async () => {
    const [code, message] = await identityWith(Buffer.alloc(GOLDEN_MAX_BYTES + 1, ' '));
    expect([code, message]).toEqual(['GOLDEN_INVALID', expect.stringContaining('larger than 16 MiB')]);
  });
});
