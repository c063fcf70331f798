/** kubectl, as its users type it. */

import { mkdtempSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { eventually } from '../../cluster/harness/eventually.ts';
import { must } from '../../control-plane/tools.ts';

export interface Kubectl {
  /** @returns what it wrote @throws Error with its words */
  (...args: string[]): Promise<string>;
  /** Applies them, server-side. */
  apply(...objects: object[]): Promise<void>;
  /** Of one object or a list. */
  get<T>(...args: string[]): Promise<T>;
}

/** @param as somebody else, such as `system:serviceaccount:team-a:ci` */
export function kubectlOf(kubeconfig: string, namespace?: string, as?: string): Kubectl {
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  const common = [...(namespace ? ['--namespace', namespace] : []), ...(as ? ['--as', as] : [])];
  const run = (...args: string[]): Promise<string> => must('kubectl', [...common, ...args], { env });
  return Object.assign(run, {
    async apply(...objects: object[]) {
      const file = join(mkdtempSync(join(tmpdir(), 'modelship-apply-')), 'objects.json');
      await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
      await run('apply', '--server-side', '--filename', file);
    },
    async get<T>(...args: string[]): Promise<T> {
      return JSON.parse(await run('get', '--output', 'json', ...args)) as T;
    },
  });
}

/** In a test. */
export const kubectl = (namespace?: string, as?: string): Kubectl => kubectlOf(inject('e2e').kubeconfig, namespace, as);

/** Waits until a Deployment has rolled out. */
export async function rolledOut(run: Kubectl, name: string): Promise<void> {
  await eventually(`${name} has rolled out`, async () => {
    await run('rollout', 'status', `deployment/${name}`, '--timeout', '60s');
    return true;
  });
}
