/** What an application in the cluster does. */
import { inject } from 'vitest';
import { IMAGES } from '../images/build.ts';
import type { Digits } from './digits.ts';
import { why } from './why.ts';

const TIMEOUT = '120s';

/**
 * Runs JavaScript in a pod beside the model, under the restricted profile.
 * @returns what it printed @throws Error with pods and events where it ends otherwise than with 0
 */
export async function inside({ kubectl }: Digits, script: string): Promise<string> {
  const metadata = { name: `client-${Math.random().toString(36).slice(2, 7)}` };
  await kubectl.apply({ apiVersion: 'batch/v1', kind: 'Job', metadata, spec: jobSpec(script) });
  const job = `job/${metadata.name}`;
  try {
    await kubectl('wait', job, '--for=condition=complete', `--timeout=${TIMEOUT}`);
  } catch (error) {
    const log = await kubectl('logs', job).catch(String);
    throw new Error(`${String(error)}\nit said: ${log}\n${await why(kubectl)}`);
  }
  return kubectl('logs', job);
}

function jobSpec(script: string) {
  const container = {
    name: 'client',
    image: `${inject('e2e').runtime}:${IMAGES.tag}`,
    command: ['node', '--input-type=module', '--eval', script],
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    },
  };
  const securityContext = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } };
  const spec = {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    securityContext,
    containers: [container],
  };
  return { backoffLimit: 0, template: { spec } };
}
