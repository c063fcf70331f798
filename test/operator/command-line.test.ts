/** `node operator/main.ts` that ends before it begins: its exit codes, and the one line that says why. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOperator } from '../cluster/harness/operator-process.ts';
import { writeKubeconfig } from '../control-plane/access.ts';

let folder: string;
let kubeconfig: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'modelship-command-'));
  kubeconfig = join(folder, 'kubeconfig');
  // Nobody is there, and nobody is asked.
  await writeKubeconfig(kubeconfig, { url: 'https://127.0.0.1:1', token: 'none', ca: '' });
});
afterAll(() => rm(folder, { recursive: true }));

describe('the command line', () => {
  const cases: Record<string, { args: string[]; code: number; says: RegExp }> = {
    '--help': { args: ['--help'], code: 0, says: /^Usage: modelship-operator(.|\n)*--runtime-image <image>/ },
    '--version': { args: ['--version'], code: 0, says: /^\d+\.\d+\.\d+\S*\n$/ },
    'an unknown flag': { args: ['--nonsense'], code: 2, says: /^error: unknown option '--nonsense'\n$/ },
    'a bad value': {
      args: ['--workers', '0'],
      code: 2,
      says: /^error: .*'--workers <count>'.*expected a whole number/,
    },
    'no such kubeconfig': {
      args: ['--kubeconfig', '/nowhere'],
      code: 1,
      says: /^error: there is no kubeconfig at \/nowhere\n$/,
    },
    'no such context': {
      args: ['--context', 'else'],
      code: 1,
      says: /^error: .*there is no context "else" \(there: modelship-test\)\n$/,
    },
  };
  it.each(Object.entries(cases))('%s', async (_, { args, code, says }) => {
    const ran = await runOperator(args, { ...process.env, KUBECONFIG: kubeconfig });
    expect({ code: ran.code, said: ran.out + ran.err }).toEqual({ code, said: expect.stringMatching(says) });
  });

  it('without any configuration', async () => {
    const { KUBECONFIG: _, KUBERNETES_SERVICE_HOST: _host, ...env } = process.env;
    const ran = await runOperator([], { ...env, HOME: folder });
    expect(ran).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^error: no Kubernetes configuration: .*--kubeconfig.*\n$/),
    });
  });

  it('with a port that is taken', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as { port: number };
    const ran = await runOperator(['--kubeconfig', kubeconfig, '--metrics', `127.0.0.1:${port}`]);
    holder.close();
    expect(ran).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^error: .*127\.0\.0\.1:\d+: .*Choose another address or port.*\n$/),
    });
  });
});
