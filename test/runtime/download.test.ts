import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Clock } from '../../runtime/clock.ts';
import { type DownloadOptions, download } from '../../runtime/models/download.ts';
import { infer, run, temporaryFolder } from './harness.ts';
import { identity } from './onnx-builder.ts';

/** @returns the base URL of a server that is gone at the end of the test */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Waits between tries pass at once; a watchdog for silence passes in real time. */
function options(changes: Partial<DownloadOptions> = {}) {
  const waits: number[] = [];
  const warnings: string[] = [];
  const clock: Clock = {
    now: () => performance.now(),
    after(ms, callback) {
      const silence = ms === (changes.stallMs ?? 30_000);
      if (!silence) waits.push(ms);
      const timer = setTimeout(callback, silence ? ms : 0);
      return () => clearTimeout(timer);
    },
  };
  return { waits, warnings, with: { clock, random: () => 0, warn: (w: string) => warnings.push(w), ...changes } };
}

const MODEL = identity('FP32');
const DIGEST = createHash('sha256').update(MODEL).digest('hex');

/** Lets downloads go to a folder of this test's own. @returns what lies there */
async function watchTemporary(): Promise<() => Promise<string[]>> {
  const folder = await temporaryFolder();
  vi.stubEnv('TMPDIR', folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  return () => readdir(folder);
}

describe('download', () => {
  test('streams to a file, hashes on the way, and cleans up', async () => {
    const url = await serve((_request, response) => response.end(MODEL));
    const file = await download(`${url}/m.onnx`, options().with);
    expect(file.digest).toBe(DIGEST);
    expect(await readFile(file.path)).toEqual(MODEL);
    await file.dispose();
    expect(existsSync(file.path)).toBe(false);
  });

  test('follows a redirect', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/there') response.end(MODEL);
      else response.writeHead(302, { location: '/there' }).end();
    });
    const file = await download(`${url}/here`, options().with);
    expect(file.digest).toBe(DIGEST);
    await file.dispose();
  });

  test.each([500, 502, 503, 504, 429, 408])('%i is tried again', async (status) => {
    let calls = 0;
    const url = await serve((_request, response) => {
      calls++;
      if (calls < 3) response.writeHead(status).end('not now');
      else response.end(MODEL);
    });
    const { waits, warnings, with: given } = options();
    const file = await download(url, given);
    expect([calls, file.digest, waits]).toEqual([3, DIGEST, [125, 250]]);
    expect(warnings).toEqual([
      expect.stringContaining(`answered ${status}; try 1 of 6`),
      expect.stringContaining('try 2 of 6'),
    ]);
    await file.dispose();
  });

  test.each([
    [404, 'MODEL_NOT_THERE'],
    [410, 'MODEL_NOT_THERE'],
    [401, 'MODEL_FORBIDDEN'],
    [403, 'MODEL_FORBIDDEN'],
    [400, 'MODEL_UNREACHABLE'],
  ])('%i is final: %s', async (status, code) => {
    let calls = 0;
    const url = await serve((_request, response) => {
      calls++;
      response.writeHead(status).end();
    });
    const leftovers = await watchTemporary();
    await expect(download(url, options().with)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(String(status)),
    });
    expect(calls).toBe(1);
    expect(await leftovers()).toEqual([]);
  });

  test('a body that breaks off is tried again, from the start', async () => {
    let calls = 0;
    const url = await serve((_request, response) => {
      calls++;
      if (calls > 1) return void response.end(MODEL);
      response.writeHead(200, { 'content-length': MODEL.length });
      response.write(MODEL.subarray(0, 20), () => response.destroy());
    });
    const { warnings, with: given } = options();
    const file = await download(url, given);
    expect([calls, file.digest, warnings.length]).toEqual([2, DIGEST, 1]);
    expect(await readFile(file.path)).toEqual(MODEL);
    await file.dispose();
  });

  test('a server that falls silent is given up', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('a');
    });
    const { with: given } = options({ stallMs: 50, attempts: 2 });
    await expect(download(url, given)).rejects.toMatchObject({
      code: 'MODEL_UNREACHABLE',
      message: expect.stringMatching(/nothing came for 50 ms, after 2 tries/),
    });
  });

  test('nobody listens: the reason is told, the credentials are not', async () => {
    const { with: given } = options({ attempts: 2 });
    const failed = download('http://127.0.0.1:1/m.onnx?X-Amz-Signature=secret', given);
    await expect(failed).rejects.toMatchObject({
      code: 'MODEL_UNREACHABLE',
      message: expect.stringMatching(/ECONNREFUSED|bad port/),
    });
    await expect(failed).rejects.not.toMatchObject({ message: expect.stringContaining('secret') });
  });

  test('a file above the limit is refused while it comes', async () => {
    const url = await serve((_request, response) => response.end(MODEL));
    await expect(download(url, options({ maxBytes: 10 }).with)).rejects.toThrow('larger than 10 bytes');
  });
});

test('a model from a web server is served, and another digest is refused unopened', async () => {
  const uri = await serve((_request, response) => response.end(MODEL));
  const running = await run({ launch: { uri, sha256: DIGEST } });
  const body = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [2] }] };
  expect((await infer(running, body)).json.outputs[0].data).toEqual([2]);
  const leftovers = await watchTemporary();
  const other = await run({ launch: { uri, sha256: 'f'.repeat(64) }, load: false });
  await expect(other.server.load()).rejects.toMatchObject({ code: 'MODEL_DIGEST_MISMATCH' });
  expect(await leftovers()).toEqual([]);
});
