/** Where golden requests are read from: real files, a real web server. */
import { readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { GOLDEN_MAX_BYTES } from '../../../api/golden.ts';
import { DIGITS, type RunOptions, run, temporaryFolder } from '../harness.ts';
import { identity } from '../onnx-builder.ts';
import { failure, GOLDEN, one, with_, x, y } from './support.ts';

describe('where the file is', () => {
  test.each<[string, string, string, string]>([
    ['nowhere', '/no/such/golden.json', 'GOLDEN_NOT_THERE', 'there is no file /no/such/golden.json'],
    ['a folder', 'examples', 'GOLDEN_NOT_THERE', 'is not a file'],
    [
      'another scheme',
      's3://bucket/golden.json',
      'MODEL_URI_UNSUPPORTED',
      "the golden requests 's3://bucket/golden.json'",
    ],
    [
      'a scheme that only a pod is told about',
      'configmap://digits/golden.json',
      'MODEL_URI_UNSUPPORTED',
      'configmap://',
    ],
    ['no file URI', 'file://host/golden.json', 'MODEL_URI_UNSUPPORTED', 'three slashes'],
  ])('%s', async (_name, uri, code, says) => {
    const failed = await failure(with_(DIGITS, uri));
    expect(failed).toEqual([code, expect.stringContaining(says)]);
  });

  test('a file URI', async () => {
    const { server } = await run(with_(DIGITS, pathToFileURL(GOLDEN).href));
    expect(server.own.ready).toBe(true);
  });

  test('it is looked for before the model is', async () => {
    expect((await failure(with_('/no/such/model.onnx', '/no/such/golden.json')))[0]).toBe('GOLDEN_NOT_THERE');
  });

  async function web(respond: (url: string | undefined) => { status: number; body: string | Buffer }): Promise<string> {
    const server = createServer(({ url }, response) => {
      const { status, body } = respond(url);
      response.writeHead(status).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/golden.json`;
  }

  const ANSWERS = JSON.stringify(one([x([1])], [y([1])]));
  const webbed = (uri: string): RunOptions => ({ model: identity('FP32'), launch: { golden: { uri, tolerance: 0 } } });

  test('the web', async () => {
    const url = await web(() => ({ status: 200, body: ANSWERS }));
    expect((await run(webbed(url))).server.own.ready).toBe(true);
  });

  test('what was downloaded is gone after a mismatch, golden requests and model alike', async () => {
    const model = identity('FP32');
    const wrong = JSON.stringify(one([x([1])], [y([2])]));
    const url = await web((path) => ({ status: 200, body: path === '/golden.json' ? wrong : model }));
    vi.stubEnv('TMPDIR', await temporaryFolder());
    onTestFinished(() => void vi.unstubAllEnvs());
    const options = with_(url.replace('golden.json', 'model.onnx'), url);
    expect((await failure(options))[0]).toBe('GOLDEN_MISMATCH');
    expect(await readdir(tmpdir())).toEqual([]);
  });

  test.each<[string, number, string | Buffer, string, RegExp]>([
    ['nothing there', 404, '', 'GOLDEN_NOT_THERE', /^the golden requests: http.*answered 404/],
    ['not for us', 403, '', 'MODEL_FORBIDDEN', /^the golden requests: /],
    ['no such file', 200, '<html>', 'GOLDEN_INVALID', /^the golden requests in http:[^?]*: it is not JSON/],
    ['too large', 200, Buffer.alloc(GOLDEN_MAX_BYTES + 1), 'GOLDEN_INVALID', /golden\.json is larger than 16 MiB/],
  ])('the web: %s, and no key of a signed URL is shown', async (_name, status, body, code, says) => {
    const url = await web(() => ({ status, body }));
    const [got, message] = await failure(webbed(`${url}?signature=secret`));
    expect([got, message]).toEqual([code, expect.stringMatching(says)]);
    expect(message).not.toContain('secret');
  });
});
