/** The admin ports of a ModelDeployment's runtime processes: on this machine directly, in a cluster through the API server. */
import { resolve } from 'node:path';
import { isReady, slimPod } from '../../operator/reconcile/pod.ts';
import { PODS } from '../../operator/reconcile/resources.ts';
import { MODEL_LABEL } from '../../operator/render/labels.ts';
import { findModelDeployment, listAll } from '../cluster/listing.ts';
import { versionOf } from '../cluster/objects.ts';
import { onCluster } from '../cluster/options.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { readLaptop } from '../rollout/laptop-hand.ts';
import type { PlaceFlags } from '../rollout/place.ts';

export interface AdminProcess {
  /** Stays with the process for its life: UID of the pod, PID. */
  id: string;
  /** As people call it: name of the pod, or the version and its PID. */
  name: string;
  version: string;
  /** JSON at a path of the admin port. @throws Error saying why it cannot be had */
  read(path: string): Promise<unknown>;
}

/** Processes that are ready, as they are now. */
export type ListProcesses = () => Promise<AdminProcess[]>;

/** Connects, acts, and lets go. @throws CliError when there is no such ModelDeployment */
export async function withProcesses<T>(
  name: string,
  flags: PlaceFlags,
  act: (list: ListProcesses) => Promise<T>,
): Promise<T> {
  const { stateDir } = flags;
  if (stateDir !== undefined) {
    readLaptop(resolve(stateDir), name);
    return act(async () => laptopProcesses(stateDir, name));
  }
  return onCluster(flags, async ({ client, namespace }) => {
    await findModelDeployment(client, namespace, name);
    // Loaded late: the other commands must not pay for it.
    const { openPodProxy } = await import('../cluster/pod-proxy.ts');
    const proxy = await openPodProxy(flags);
    try {
      return await act(async () => {
        const selection = { namespace, labelSelector: `${MODEL_LABEL}=${name}` };
        const pods = await listAll(client, PODS, selection, { pick: slimPod });
        return pods.filter(isReady).flatMap((pod): AdminProcess[] => {
          const version = versionOf(pod);
          const { name: podName, uid } = pod.metadata;
          const read = (path: string) => proxy.read(namespace, podName, path);
          return version === undefined ? [] : [{ id: uid, name: podName, version, read }];
        });
      });
    } finally {
      await proxy.close();
    }
  });
}

function laptopProcesses(stateDir: string, name: string): AdminProcess[] {
  return readLaptop(resolve(stateDir), name).versions.flatMap(({ name: version, admin, pid }) =>
    admin === undefined
      ? []
      : [{ id: String(pid), name: `${version} (pid ${pid})`, version, read: (path: string) => readLocal(admin, path) }],
  );
}

const LIMIT_MS = 10_000;

async function readLocal(port: number, path: string): Promise<unknown> {
  const url = `http://127.0.0.1:${port}${path}`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(LIMIT_MS) }).catch((error: Error) => {
    throw new Error(`${url} cannot be reached: ${(error.cause as Error | undefined)?.message ?? error.message}`);
  });
  if (!answer.ok) throw new Error(`${url} answered with ${answer.status}`);
  return answer.json();
}

/** What several processes answered; those that could not be asked are named. */
export interface Asked<T> {
  answers: { process: AdminProcess; answer: T }[];
  failed: { process: string; reason: string }[];
}

/** Asks a few at a time. @param parse throws on what is no such answer */
export async function askAll<T>(
  processes: readonly AdminProcess[],
  path: string,
  parse: (json: unknown) => T,
): Promise<Asked<T>> {
  const asked: Asked<T> = { answers: [], failed: [] };
  const waiting = [...processes];
  const work = async () => {
    for (let process = waiting.shift(); process; process = waiting.shift()) {
      try {
        asked.answers.push({ process, answer: parse(await process.read(path)) });
      } catch (error) {
        asked.failed.push({ process: process.name, reason: (error as Error).message });
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return asked;
}

/** @throws CliError when nobody answered */
export function assertAnswered<T>(name: string, { answers, failed }: Asked<T>): void {
  if (answers.length > 0) return;
  const [first] = failed;
  const why = first ? `${first.process}: ${first.reason}` : 'it has no process that is ready';
  throw new CliError(`no process of ${name} could be asked: ${why}`, EXIT.failed, 'NoAnswer');
}
