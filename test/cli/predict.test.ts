import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { TallyRecorder } from '../../cli/predict/tally.ts';
import { deadPort } from '../traffic/support.ts';
import { type Asked, cli, DIGITS_METADATA, type FakeServer, fakeServer, folder, ran, startCli } from './support.ts';

const REQUEST = '{"inputs": [{"name": "image", "datatype": "FP32", "shape": [1, 64], "data": [0.10]}]}';

const answered = (version: string) => ({
  headers: { 'modelship-version': version },
  body: {
    model_name: 'digits',
    model_version: version,
    outputs: [
      { name: 'label', datatype: 'INT64', shape: [1], data: [4] },
      { name: 'probabilities', datatype: 'FP32', shape: [1, 3], data: [0.000123456, 0.99987, 'NaN'] },
    ],
  },
});

/** Nine in ten by v1. */
function digits(): Promise<FakeServer> {
  return fakeServer(({ method }, nth) =>
    method === 'GET' ? { body: DIGITS_METADATA } : answered(nth % 10 === 0 ? 'v2' : 'v1'),
  );
}

/** A file that holds it. */
function fileOf(text: string): string {
  const file = path.join(folder(), 'request.json');
  writeFileSync(file, text);
  return file;
}

const posted = (asked: readonly Asked[]) => asked.filter(({ method }) => method === 'POST');

describe('predict', () => {
  it('sends a whole request as it is, and shows who answered what', async () => {
    const { url, asked } = await digits();
    const { code, out } = await cli(['predict', 'digits', '--url', url, '--input', '-'], { stdin: REQUEST });
    expect(code).toBe(0);
    expect(asked.map(({ method, url: at, body }) => [method, at, body])).toEqual([
      ['POST', '/v2/models/digits/infer', REQUEST],
    ]);
    expect(out).toMatch(/^digits {2}answered by v1 {2}in [0-9.]+ ms\n/);
    expect(out).toMatch(/^label +INT64 +\[1\] +\[4\]$/m);
    expect(out).toMatch(/^probabilities +FP32 +\[1, 3\] +\[\[0\.0001235, 0\.9999, "NaN"\]\]$/m);
  });

  it('turns an array into the tensor that the model wants', async () => {
    const { url, asked } = await digits();
    const file = fileOf(JSON.stringify(new Array(64).fill(2)));
    const { code } = await ran(['predict', 'digits', '--url', url, '--input', file]);
    expect(code).toBe(0);
    const [{ body } = { body: '' }] = posted(asked);
    expect(JSON.parse(body).inputs).toEqual([
      { name: 'image', datatype: 'FP32', shape: [1, 64], data: new Array(64).fill(2) },
    ]);
  });

  it('asks a version by name, with headers', async () => {
    const { url, asked } = await digits();
    const args = ['predict', 'digits', '--url', `${url}/`, '--version', 'v2', '-H', 'X-User-Id: 4:2', '--input'];
    await ran([...args, fileOf(REQUEST)]);
    expect(asked[0]?.url).toBe('/v2/models/digits/versions/v2/infer');
    expect(asked[0]?.headers['x-user-id']).toBe('4:2');
  });

  it('answers in JSON for a program', async () => {
    const { url } = await digits();
    const args = ['predict', 'digits', '--url', url, '--input', fileOf(REQUEST), '--output', 'json'];
    const { out } = await ran(args);
    const { latencyMs, ...rest } = JSON.parse(out);
    expect(latencyMs).toBeGreaterThan(0);
    expect(rest).toEqual({ model: 'digits', version: 'v1', outputs: answered('v1').body.outputs });
  });

  it('without an input explains what the model wants', async () => {
    const { url, asked } = await digits();
    const { code, out, err } = await ran(['predict', 'digits', '--url', url]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/image +FP32 \[n, 64\]/);
    expect(err).toContain(`predict digits --url ${url} --example > request.json`);
    expect(posted(asked)).toEqual([]);
  });

  it('makes up a request that it takes itself', async () => {
    const { url } = await digits();
    const { code, out } = await ran(['predict', 'digits', '--url', url, '--example']);
    expect(code).toBe(0);
    expect(JSON.parse(out).inputs[0].shape).toEqual([1, 64]);
    expect((await ran(['predict', 'digits', '--url', url, '--input', fileOf(out)])).code).toBe(0);
  });
});

describe('predict --repeat', () => {
  it('shows the shares of the versions', async () => {
    const { url } = await digits();
    const { code, out } = await ran(['predict', 'digits', '--url', url, '--input', fileOf(REQUEST), '-n', '50']);
    expect(code).toBe(0);
    expect(out).toMatch(/^50 requests to digits in /);
    expect(out).toMatch(/^v1 +90\.0% +45 /m);
    expect(out).toMatch(/^v2 +10\.0% +5 /m);
    expect(out).toMatch(/no errors\n$/);
  });

  it('counts what fails, by code, and exits 1', async () => {
    const refused = {
      status: 503,
      headers: { 'modelship-version': 'v2' },
      body: { error: 'full', code: 'QUEUE_FULL' },
    };
    const { url } = await fakeServer((_, nth) => (nth % 4 === 0 ? refused : answered('v1')));
    const args = ['predict', 'digits', '--url', url, '--input', fileOf(REQUEST), '-n', '20', '--output', 'json'];
    const { code, out } = await ran(args);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      requests: 20,
      answered: 15,
      versions: { v1: { answers: 15 } },
      errors: [{ code: 'QUEUE_FULL', version: 'v2', count: 5, message: 'full' }],
    });
  });

  it('shows what it has when it is interrupted', async () => {
    const { url, asked } = await digits();
    const child = startCli(['predict', 'digits', '--url', url, '--input', '-', '-n', '100000000']);
    child.stdin?.end(REQUEST);
    let out = '';
    child.stdout?.on('data', (chunk) => {
      out += chunk;
    });
    while (asked.length < 20) await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill('SIGINT');
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
    expect(out).toMatch(/^v1 +\d/m);
  });
});

describe('predict fails with', () => {
  it.each<[string, number, unknown, RegExp]>([
    [
      'the code and words of the server',
      400,
      { error: 'image: 63 values', code: 'INPUT_DATA' },
      /^error: INPUT_DATA: image: 63 values\n$/,
    ],
    [
      'the way to other models',
      404,
      { error: "no model 'digits'", code: 'MODEL_NOT_FOUND' },
      /choose it with --url\n$/,
    ],
    ['doubts about a foreign server', 502, '<html>', /^error: HTTP_502: .* is it a Modelship server\?\n$/],
    ['doubts about a foreign page', 200, '<html>', /is it a Modelship server\?\n$/],
    ['doubts about a foreign answer', 200, { hello: 1 }, /gave no prediction\n$/],
  ])('%s', async (_, status, body, message) => {
    const { url } = await fakeServer(() => ({ status, body }));
    const { code, out, err } = await ran(['predict', 'digits', '--url', url, '--input', fileOf(REQUEST)]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(message);
  });

  it('the way to start a server, when there is none', async () => {
    const url = `http://127.0.0.1:${await deadPort()}`;
    const args = ['predict', 'digits', '--url', url, '--input', '-', '--output', 'json'];
    const { code, out, err } = await cli(args, { stdin: REQUEST });
    expect(code).toBe(1);
    expect(err).toBe(
      `error: cannot reach ${url}: nothing listens there.\n` +
        'Start a server with `modelship run FILE`, or say where one is with --url.\n',
    );
    expect(JSON.parse(out).error.code).toBe('UNREACHABLE');
  });

  it.each([
    ['nothing', '', /<stdin> is empty/],
    ['half a document', '{"inputs": [', /<stdin> is not JSON/],
    ['a wrong shape', '[1, 2]', /image wants FP32 \[n, 64\]; the input has the shape \[2\]/],
  ])('exit code 2 for %s', async (_, stdin, message) => {
    const { url } = await digits();
    const { code, err } = await cli(['predict', 'digits', '--url', url, '--input', '-'], { stdin });
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});

it('counts by nearest rank', () => {
  const recorder = new TallyRecorder();
  for (let ms = 1; ms <= 200; ms++) recorder.answered(ms > 190 ? 'v10' : 'v9', ms);
  const { versions, latency } = recorder.tally(2);
  expect(Object.keys(versions)).toEqual(['v9', 'v10']);
  expect(latency).toEqual({ answers: 200, p50Ms: 100, p99Ms: 198 });
});
