/** A model that serves v1 under simulated traffic, and whose changes are walked. */
import type { Rollout } from '../../../api/rollout.ts';
import { ROLLOUT_ANNOTATION, type RolloutCommandName, rolloutCommandText } from '../../../api/rollout-command.ts';
import type { Status } from '../../../api/status.ts';
import type { TrafficTable } from '../../../api/traffic-table.ts';
import type { Resource } from '../../../operator/kube/object.ts';
import { MODEL_DEPLOYMENTS } from '../../../operator/reconcile/resources.ts';
import { digitsOf, version } from './models.ts';
import { World, type WorldOptions } from './operator.ts';
import type { Seen } from './seen.ts';
import { SimulatedTraffic } from './simulated-traffic.ts';

export const ANALYSIS: NonNullable<Rollout['analysis']> = {
  interval: '1s',
  minSamples: 100,
  mirror: 10,
  checks: [
    { metric: 'error-rate', max: 0.05 },
    { metric: 'disagreement', max: 0.05 },
  ],
};
export const STEPS: Rollout['steps'] = [{ traffic: 10 }, { traffic: 50 }];
/** Two steps that are analysed. */
export const WALK: Rollout = { steps: STEPS, analysis: ANALYSIS };
/** Two steps that each wait for a person. */
export const BY_HAND: Rollout = { steps: STEPS.map((step) => ({ ...step, approval: 'required' as const })) };

export type Versions = ReturnType<typeof version>[];

export interface Served extends AsyncDisposable {
  world: World;
  traffic: SimulatedTraffic;
  /** As a user. */
  apply(...versions: Versions): Promise<unknown>;
}

/** v1 has all of the traffic, and is ready. */
export async function served(rollout: Rollout = WALK, options: WorldOptions = {}): Promise<Served> {
  const world = await World.open(options);
  const traffic = new SimulatedTraffic();
  world.reports.change = traffic.change;
  const apply = (...versions: Versions) => world.apply(digitsOf(versions, { retireAfter: '1s', rollout }));
  await apply(version('v1', 100));
  await world.untilReady();
  return { world, traffic, apply, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

/** Of the ConfigMap, `v1:90 v2:10`. */
export function sharesIn({ data }: { [field: string]: unknown }): string {
  const table = JSON.parse((data as Record<string, string>)['traffic.json'] ?? '') as TrafficTable;
  const taking = table.versions.filter(({ share }) => share > 0);
  return taking.map(({ name, share }) => `${name}:${share / 100}`).join(' ');
}

/** Every status of its newest spec that digits has had: what a look now and then would miss. */
export async function statusesOf(models: Seen): Promise<Status[]> {
  const all = await models.values('digits', ({ metadata, status }) => ({ of: metadata.generation, status }));
  return all.flatMap(({ of, status }) =>
    (status as Status | undefined)?.observedGeneration === of ? [status as Status] : [],
  );
}

export function inPhase(phase: NonNullable<Status['rollout']>['phase'], reason?: string) {
  return ({ rollout }: Status): boolean => rollout?.phase === phase && (reason ?? rollout.reason) === rollout.reason;
}

/**
 * Whether the walk is over and the pods have said that they follow it. The phase alone is not enough: it is stored
 * before the last table is written.
 */
export function completedTo(split: string) {
  return (status: Status): boolean => inPhase('Completed')(status) && status.traffic === split;
}

export function versionIn(status: Status, name: string) {
  return status.versions?.find((one) => one.name === name);
}

/** Gives the command to the rollout as the status has it, as the CLI does. */
export async function command(world: World, name: RolloutCommandName): Promise<string> {
  const { rollout } = (await world.status()) ?? {};
  if (!rollout) throw new Error('nothing is walked');
  const text = rolloutCommandText(name, rollout.id, rollout.step, new Date().toISOString());
  await annotate(world, text);
  return text;
}

export async function annotate(world: World, text: string): Promise<void> {
  const body = { metadata: { annotations: { [ROLLOUT_ANNOTATION]: text } } };
  await world.client.patch(MODEL_DEPLOYMENTS, world.key('digits'), body, { manager: 'modelship-cli' });
}

const EVENTS: Resource = { apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events', namespaced: true };

/** Of the ModelDeployment, `REASON MESSAGE`, as often as each was told. */
export async function eventsOf(world: World): Promise<string[]> {
  type Event = { reason: string; note: string; regarding: { kind: string }; series?: { count: number } };
  const events = (await world.list(EVENTS)) as unknown as Event[];
  return events
    .filter(({ regarding }) => regarding.kind === 'ModelDeployment')
    .flatMap(({ reason, note, series }) => Array<string>(series?.count ?? 1).fill(`${reason} ${note}`));
}
