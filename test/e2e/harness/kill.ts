/**
 * `kill -9` of what runs in a pod: the process neither ends gracefully nor hears of it. A process cannot do it to the
 * first of its own container, so it comes from a pod that sees all processes of the node.
 */
import { inject } from 'vitest';
import { IMAGES } from '../images/build.ts';
import { kubectl } from './kubectl.ts';

/** Of the store: it lets a pod see its node. */
const NAMESPACE = 'model-store';

const program = (uid: string): string => `const {readdirSync, readFileSync} = require('fs');
const read = (pid, file) => { try { return readFileSync('/proc/' + pid + '/' + file, 'utf8'); } catch { return ''; } };
const uid = '${uid}', names = [uid, uid.replaceAll('-', '_')];
const pids = readdirSync('/proc').filter((pid) => Number(pid) > 0
  && names.some((name) => read(pid, 'cgroup').includes(name)) && !read(pid, 'cmdline').includes('pause'));
if (pids.length === 0) throw new Error('no process runs in pod ' + uid);
for (const pid of pids) process.kill(Number(pid), 'SIGKILL');
console.log(pids.length);`;

export async function killPod(namespace: string, name: string): Promise<void> {
  const { metadata, spec } = await kubectl(namespace).get<{
    metadata: { uid: string };
    spec: { nodeName: string };
  }>('pod', name);
  const run = kubectl(NAMESPACE);
  const killer = `kill-${metadata.uid}`;
  await run('delete', 'pod', killer, '--ignore-not-found', '--now');
  await run.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: killer },
    spec: {
      hostPID: true,
      nodeName: spec.nodeName,
      restartPolicy: 'Never',
      containers: [
        {
          name: 'kill',
          image: `${inject('e2e').runtime}:${IMAGES.tag}`,
          command: ['node', '-e', program(metadata.uid)],
          securityContext: { runAsUser: 0 },
        },
      ],
    },
  });
  await run('wait', `pod/${killer}`, '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s').catch(
    async (error: unknown) => {
      throw new Error(`${String(error)}\n${await run('logs', killer).catch(String)}`);
    },
  );
  await run('delete', 'pod', killer, '--wait=false');
}
