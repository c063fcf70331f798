/** What Argo CD and Flux make of a ModelDeployment, judged by their own Lua and CEL on what the operator says. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import {
  parseRolloutCommand,
  ROLLOUT_ANNOTATION,
  ROLLOUT_COMMANDS,
  type RolloutCommandName,
  rolloutCommandText,
} from '../../api/rollout-command.ts';
import { ROLLOUT_PHASES, ROLLOUT_REASONS, type RolloutStatus, type Status } from '../../api/status.ts';
import { obeyed } from '../../core/rollout/commands.ts';
import type { RolloutInput } from '../../core/rollout/model.ts';
import type { StatusFacts } from '../../operator/reconcile/status/facts.ts';
import { settings } from '../core/rollout/build.ts';
import {
  at,
  crashingPod,
  facts,
  T0,
  table,
  told,
  unready,
  unscheduledPod,
  version,
} from '../operator/reconcile/status/build.ts';
import { walkState } from '../operator/reconcile/walk-build.ts';
import { type Ask, BUILD_MS, type Judged, judged } from './judge.ts';

const EXAMPLES = resolve(import.meta.dirname, '../../examples/gitops');
const { data } = parse(readFileSync(join(EXAMPLES, 'argocd/argocd-cm.yaml'), 'utf8')) as {
  data: Record<string, string>;
};
const HEALTH = data['resource.customizations.health.modelship.dev_ModelDeployment'] as string;
const ACTIONS = parse(data['resource.customizations.actions.modelship.dev_ModelDeployment'] as string) as {
  'discovery.lua': string;
  definitions: { name: string; 'action.lua': string }[];
};
const [models] = parseAllDocuments(readFileSync(join(EXAMPLES, 'flux/cluster/models.yaml'), 'utf8'));
const CEL = models?.toJS().spec.healthCheckExprs[0] as { inProgress: string; failed: string; current: string };

/** As the API server gives it. */
function object(status: Status | undefined, generation = 3): object {
  const metadata = { name: 'digits', namespace: 'models', generation, labels: { team: 'vision' } };
  const versions = [{ name: 'v1', model: { uri: 'pvc://models/1.onnx' }, traffic: 100 }];
  return {
    apiVersion: 'modelship.dev/v1alpha1',
    kind: 'ModelDeployment',
    metadata,
    spec: { versions },
    ...(status && { status }),
  };
}

const walk = (state: Partial<RolloutStatus>, more: Partial<StatusFacts> = {}): Status =>
  told(
    facts({
      versions: [version('v1'), version('v2')],
      table: table({ v1: 95, v2: 5 }),
      rollout: { model: 'digits', state: walkState(state), waiting: [], notes: [] },
      ...more,
    }),
  );

interface Row {
  name: string;
  object: object;
  argo: string;
  flux: string;
  says?: RegExp;
}

/** Every phase with every reason that the schema knows. */
const WALKS: Row[] = ROLLOUT_PHASES.flatMap((phase) =>
  ROLLOUT_REASONS.map((reason): Row => {
    const asked = phase === 'Paused' && (reason === 'ApprovalRequired' || reason === 'PauseRequested');
    const [argo, flux] = {
      Progressing: ['Progressing', 'InProgress'],
      Paused: ['Suspended', asked ? 'InProgress' : 'Failed'],
      Completed: ['Healthy', 'Current'],
      RolledBack: ['Degraded', 'Failed'],
      Aborted: ['Degraded', 'Failed'],
    }[phase] as [string, string];
    const message = `why: ${phase} for ${reason}`;
    const says = phase === 'Completed' ? /^v1 and v2 ready/ : new RegExp(message);
    return { name: `${phase}, ${reason}`, object: object(walk({ phase, reason, message })), argo, flux, says };
  }),
);

const failing = [unready('v1', [crashingPod('digits-v1-0', 'MODEL_CORRUPT: not an ONNX file')])];
const nowhere = [unready('v1', [unscheduledPod('digits-v1-0', '0/3 nodes are available')])];
const ROWS: Row[] = [
  ...WALKS,
  { name: 'at rest', object: object(told(facts())), argo: 'Healthy', flux: 'Current', says: /v1 ready/ },
  {
    name: 'a spec that the operator has not looked at',
    object: object(told(facts()), 4),
    argo: 'Progressing',
    flux: 'InProgress',
  },
  {
    name: 'a spec after a rollback that the operator has not looked at',
    object: object(walk({ phase: 'RolledBack', reason: 'CheckFailed' }), 4),
    argo: 'Progressing',
    flux: 'InProgress',
  },
  {
    name: 'a spec that is refused, while the one before serves',
    object: object(
      told(facts({ acceptance: { ok: false, reason: 'VersionReused', message: 'v1 was another model' } })),
    ),
    argo: 'Degraded',
    flux: 'Failed',
    says: /v1 was another model.*next: give the new model a version name of its own/,
  },
  {
    name: 'a model that does not load',
    object: object(told(facts({ versions: failing, table: undefined }))),
    argo: 'Degraded',
    flux: 'Failed',
    says: /MODEL_CORRUPT: .*not an ONNX file.*next: v1: export or upload the model again/,
  },
  {
    name: 'pods that start',
    object: object(told(facts({ versions: [unready('v1', [])], table: undefined }))),
    argo: 'Progressing',
    flux: 'InProgress',
  },
  {
    name: 'pods without a node, at first',
    object: object(told(facts({ versions: nowhere, table: undefined, now: at(10) }))),
    argo: 'Progressing',
    flux: 'InProgress',
  },
  {
    name: 'pods without a node, for good',
    object: object(told(facts({ versions: nowhere, table: undefined }))),
    argo: 'Degraded',
    flux: 'Failed',
    says: /0\/3 nodes are available/,
  },
  {
    name: 'an approval that is waited for while nobody answers',
    object: object(walk({ phase: 'Paused', reason: 'ApprovalRequired' }, { versions: failing })),
    argo: 'Degraded',
    flux: 'Failed',
  },
];

describe('health', () => {
  let answers: Judged[];
  beforeAll(async () => {
    answers = await judged(
      ROWS.flatMap((row) => [
        { lua: HEALTH, object: row.object },
        { cel: CEL, object: row.object },
      ]),
    );
  }, BUILD_MS);

  test.each(ROWS.map((row, index) => ({ ...row, index })))('$name', ({ index, argo, flux, says }) => {
    const [health, status] = answers.slice(2 * index) as [Judged, Judged];
    expect(health.value).toMatchObject({ status: argo });
    expect(status).toEqual({ value: flux });
    if (says) expect((health.value as { message: string }).message).toMatch(says);
  });

  test('a ModelDeployment without a status is waited for', async () => {
    const fresh = object(undefined);
    const [health, status] = await judged([
      { lua: HEALTH, object: fresh },
      { cel: CEL, object: fresh },
    ]);
    expect(health?.value).toMatchObject({ status: 'Progressing' });
    // Flux takes an error of an expression for Unknown, and looks again.
    expect(status?.error).toMatch(/no such attribute.*status/);
  });
});

/** Whether the engine takes the command, which it drops where nothing can be done about it. */
function honoured(state: RolloutStatus, command: RolloutCommandName): boolean {
  const { id, step } = state;
  const text = rolloutCommandText(command, id, step, T0);
  const rollout = settings([[5], [25], [50]]);
  const input: RolloutInput = {
    rollout,
    desired: { model: 'digits', versions: [], retireAfterMs: 0 },
    observed: { versions: [], table: undefined } as unknown as RolloutInput['observed'],
    target: state.target,
    state,
    verdicts: undefined,
    command: { command, id, step, text },
    now: Date.parse(T0),
  };
  const next = obeyed(state, input, rollout);
  return next.honoured === text || next.id !== id;
}

describe('actions of Argo CD', () => {
  const scripts = new Map(ACTIONS.definitions.map((each) => [each.name, each['action.lua']]));
  const states: Record<string, [Partial<RolloutStatus>, string]> = {
    'under way': [{ phase: 'Progressing', reason: 'Holding' }, 'pause promote abort'],
    'waiting for an approval': [{ phase: 'Paused', reason: 'ApprovalRequired' }, 'approve promote abort'],
    'paused by hand': [{ phase: 'Paused', reason: 'PauseRequested' }, 'resume promote abort'],
    'paused by a check': [{ phase: 'Paused', reason: 'CheckFailed' }, 'resume promote abort'],
    'on its way back': [{ phase: 'Progressing', reason: 'Holding', revert: true }, 'pause'],
    over: [{ phase: 'Completed', reason: 'StepsDone' }, ''],
    'rolled back': [{ phase: 'RolledBack', reason: 'CheckFailed' }, 'retry'],
    aborted: [{ phase: 'Aborted', reason: 'AbortRequested' }, 'retry'],
  };
  const discover = (of: object): Ask => ({ lua: ACTIONS['discovery.lua'], object: of });

  test('are the commands of a rollout', () => {
    expect([...scripts.keys()].toSorted()).toEqual([...ROLLOUT_COMMANDS].toSorted());
  });

  test('are offered where they would be honoured', async () => {
    const rows = Object.values(states);
    const answers = await judged([
      ...rows.map(([state]) => discover(object(walk(state)))),
      discover(object(undefined)),
    ]);
    const enabled = answers.map(({ value }) => {
      const offered = value as Record<string, { disabled: boolean }>;
      return ROLLOUT_COMMANDS.filter((name) => offered[name]?.disabled === false);
    });
    const wanted = [...rows.map(([, names]) => names), ''].map((names) =>
      ROLLOUT_COMMANDS.filter((name) => names.split(' ').includes(name)),
    );
    expect(enabled).toEqual(wanted);
    for (const [index, [state]] of rows.entries()) {
      for (const name of enabled[index] ?? [])
        expect(honoured(walkState(state), name), `${name}, ${state.phase}`).toBe(true);
    }
  });

  test.each(ROLLOUT_COMMANDS)('%s is written as the CLI writes it, and nothing else', async (name) => {
    const before = object(walk({ step: 2, steps: 3 }));
    const [{ value } = {}] = await judged([{ lua: scripts.get(name) as string, object: before }]);
    const { metadata, ...rest } = value as { metadata: { annotations: Record<string, string> } };
    const { annotations, ...same } = metadata;
    expect({ ...rest, metadata: same }).toEqual(before);
    expect(Object.keys(annotations)).toEqual([ROLLOUT_ANNOTATION]);
    const written = annotations[ROLLOUT_ANNOTATION] as string;
    expect(parseRolloutCommand(written)).toEqual({ command: name, id: walkState({}).id, step: 2, text: written });
    expect(Math.abs(Date.now() - Date.parse(written.split('/')[3] as string))).toBeLessThan(60_000);
  });
});
