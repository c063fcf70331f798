import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { realClock } from '../../../runtime/clock.ts';
import { download } from '../../../runtime/models/download.ts';
import { fetchModel } from '../../../runtime/models/source.ts';
import { DIGITS, run, temporaryFolder } from '../harness.ts';
import { identity } from '../onnx-builder.ts';

const MIB = 2 ** 20;

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.onnx`;
}

/** Temporary files go to a folder of this test's own. @returns what lies there */
async function watchTemporary(): Promise<() => Promise<string[]>> {
  const folder = await temporaryFolder();
  vi.stubEnv('TMPDIR', folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  return () => readdir(folder);
}

const options = { clock: realClock, random: () => 0, warn: () => {} };

test('a download goes to disk as it comes, hashed on the way', async () => {
  const left = await watchTemporary();
  const [first, second] = [Buffer.alloc(MIB, 7), Buffer.alloc(MIB, 8)];
  const rest = Promise.withResolvers<void>();
  const url = await serve((_request, response) => {
    response.write(first);
    void rest.promise.then(() => response.end(second));
  });
  const downloading = download(url, options);
  const onDisk = async () => {
    const [folder] = await left();
    return folder && (await stat(join(process.env.TMPDIR as string, folder, 'model.onnx'))).size;
  };
  await expect.poll(onDisk, { timeout: 20_000 }).toBe(MIB);
  rest.resolve();
  const file = await downloading;
  expect(file.digest).toBe(createHash('sha256').update(first).update(second).digest('hex'));
  await file.dispose();
  await file.dispose();
  expect(await left()).toEqual([]);
});

test.each([DIGITS, new URL(`../../../${DIGITS}`, import.meta.url).href])('%s is opened where it is', async (uri) => {
  const left = await watchTemporary();
  const phases: string[] = [];
  const { path } = await fetchModel(uri, { download: options, onPhase: (phase) => void phases.push(phase) });
  expect(path).toBe(new URL(`../../../${DIGITS}`, import.meta.url).pathname);
  expect([await left(), phases]).toEqual([[], ['fetch', 'verify']]);
});

test('a download stays while a worker may have to open it again, and goes with the model', async () => {
  const left = await watchTemporary();
  const uri = await serve((_request, response) => void response.end(identity('FP32')));
  const { server } = await run({ launch: { uri }, serving: { execution: { workers: 1 } } });
  expect(await left()).toHaveLength(1);
  await server.close(0);
  expect(await left()).toEqual([]);
});

test('a download that is broken off: at once, with no more tries and nothing left', async () => {
  const left = await watchTemporary();
  const abort = new AbortController();
  let asked = 0;
  const url = await serve((_request, response) => {
    asked++;
    response.write('a', () => abort.abort());
  });
  await expect(download(url, { ...options, signal: abort.signal })).rejects.toThrow('is to end');
  expect([asked, await left()]).toEqual([1, []]);
});

test('one that is broken off between two tries', async () => {
  const abort = new AbortController();
  const url = await serve((_request, response) => void response.writeHead(503).end());
  const warn = () => abort.abort();
  const started = performance.now();
  await expect(download(url, { ...options, random: () => 0.99, warn, signal: abort.signal })).rejects.toThrow(
    'is to end',
  );
  expect(performance.now() - started).toBeLessThan(10_000);
});
