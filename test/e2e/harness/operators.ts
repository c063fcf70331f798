/** The operator's pods: which of them leads, and how they are lost. */
import { eventually } from '../../cluster/harness/eventually.ts';
import { RELEASE } from './chart.ts';
import type { Pod } from './digits.ts';
import { kubectl } from './kubectl.ts';

const SELECTOR = `app.kubernetes.io/instance=${RELEASE},app.kubernetes.io/name=modelship`;
const TAKES_OVER_MS = 90_000;

export interface Leader {
  /** One process's: a container that starts again has another. */
  identity: string;
  pod: string;
}

/** Undefined while nobody leads. */
export async function leader(): Promise<Leader | undefined> {
  const { spec } = await kubectl(RELEASE).get<{ spec: { holderIdentity?: string } }>('lease', RELEASE);
  const identity = spec.holderIdentity ?? '';
  return identity === '' ? undefined : { identity, pod: identity.split('_')[0] ?? '' };
}

export const leads = (): Promise<Leader> => eventually('somebody leads', leader, { timeoutMs: TAKES_OVER_MS });

/** Waits until somebody else leads. */
export const followed = ({ identity }: Leader): Promise<Leader> =>
  eventually(
    `another leads than ${identity}`,
    async () => {
      const now = await leader();
      return now && now.identity !== identity ? now : undefined;
    },
    { timeoutMs: TAKES_OVER_MS, everyMs: 250 },
  );

/** Those that are not about to end. */
export async function operatorPods(): Promise<Pod[]> {
  const { items } = await kubectl(RELEASE).get<{ items: Pod[] }>('pods', '--selector', SELECTOR);
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** Until `replicas` are there, and no more. */
export async function scaleOperator(replicas: number): Promise<void> {
  const run = kubectl(RELEASE);
  await run('scale', `deployment/${RELEASE}`, `--replicas=${replicas}`);
  if (replicas > 0) await run('rollout', 'status', `deployment/${RELEASE}`, '--timeout=120s');
  else await run('wait', 'pods', '--selector', SELECTOR, '--for=delete', '--timeout=60s');
}
