/** What the operator (or the laptop's supervisor) says of a ModelDeployment. */
import { z } from 'zod';
import { field } from './fields.ts';

export const CONDITION_TYPES = ['Accepted', 'Available', 'Ready', 'Reconciling', 'Stalled'] as const;
export const VERSION_PHASES = ['Pending', 'Starting', 'Ready', 'Degraded', 'Failed', 'Retiring', 'Withdrawn'] as const;
export const MODEL_STATES = ['Pending', 'Downloading', 'Loading', 'Loaded', 'Failed'] as const;

export const condition = z.strictObject({
  type: field(z.enum(CONDITION_TYPES), 'What the condition speaks of.'),
  status: field(z.enum(['True', 'False', 'Unknown']), 'Whether it holds.'),
  reason: field(z.string().max(64), 'One word for machines.'),
  message: field(z.string().max(4096), 'A sentence for people, naming the next cause to look at.'),
  observedGeneration: field(z.int().min(0).optional(), 'Generation of the spec that this speaks of.'),
  lastTransitionTime: field(z.string().max(64), 'When `status` last changed (RFC 3339).'),
});

const failure = z.strictObject({
  code: field(z.string().max(64), 'Code of the failure, from the catalogue of errors.'),
  message: field(z.string().max(4096), 'What went wrong and what to do.'),
});

const versionStatus = z.strictObject({
  name: field(z.string().max(63), 'Name of the version.'),
  phase: field(z.enum(VERSION_PHASES), 'Where the version stands.'),
  replicas: field(z.int().min(0).optional(), 'Replicas wanted.', { unit: 'replicas' }),
  readyReplicas: field(z.int().min(0).optional(), 'Replicas that are ready.', { unit: 'replicas' }),
  traffic: field(z.number().min(0).max(100).optional(), 'Share wanted now.', { unit: 'percent' }),
  trafficInForce: field(z.number().min(0).max(100).optional(), 'Share in force, as the pods report it.', {
    unit: 'percent',
  }),
  digest: field(z.string().max(128).optional(), 'SHA-256 of the model that is served.'),
  model: field(z.enum(MODEL_STATES).optional(), 'State of the model in the newest replica.'),
  failure: field(failure.optional(), 'The last failure.'),
});

/** Progressing and Paused are under way; the others are ends. */
export const ROLLOUT_PHASES = ['Progressing', 'Paused', 'Completed', 'RolledBack', 'Aborted'] as const;

/** Why a rollout is where it is. */
export const ROLLOUT_REASONS = [
  // Progressing
  'WaitingForCapacity',
  'WaitingForTraffic',
  'Holding',
  'Analyzing',
  // Paused
  'ApprovalRequired',
  'PauseRequested',
  'Inconclusive',
  // Paused or RolledBack
  'CheckFailed',
  'SignatureChanged',
  'VersionFailed',
  'VersionRestarts',
  'ProgressDeadlineExceeded',
  // Aborted
  'AbortRequested',
  // Completed
  'Promoted',
  'Reverted',
  'StepsDone',
] as const;

const checkStatus = z.strictObject({
  name: field(z.string().max(256), 'The check.'),
  verdict: field(z.enum(['Pass', 'Fail', 'Inconclusive']), 'What it says.'),
  message: field(z.string().max(1024).optional(), 'Numbers behind the verdict.'),
});

const shares = z.record(z.string(), z.int()).meta({ maxProperties: 64 });

const rolloutStatus = z.strictObject({
  id: field(z.string().max(64), 'Identifies this walk: its target and when it started. Commands name it.'),
  target: field(z.string().max(64), 'Hash of what was asked for. A target that failed is not tried again by itself.'),
  phase: field(z.enum(ROLLOUT_PHASES), 'Where the walk stands.'),
  reason: field(z.enum(ROLLOUT_REASONS), 'Why it stands there, in one word.'),
  message: field(z.string().max(2048), 'Why it stands there, with the numbers.'),
  step: field(z.int().min(0), 'Index of the step, from 0; the number of steps stands for the end.'),
  steps: field(z.int().min(0), 'Number of steps.'),
  startedAt: field(z.string().max(64), 'When the walk started (RFC 3339).'),
  movedAt: field(z.string().max(64), 'When the step was decided (RFC 3339).'),
  since: field(z.string().max(64).optional(), 'When the step came into force (RFC 3339); absent while it has not.'),
  from: field(shares, 'Shares when the walk started.', { unit: 'basis points' }),
  to: field(shares, 'Shares that it walks to.', { unit: 'basis points' }),
  stable: field(z.string().max(63), 'The version that is compared with, and behind the door until the end.'),
  window: field(z.int().min(0).optional(), 'Windows of analysis that were begun anew by hand at this step.'),
  approved: field(z.int().min(0).optional(), 'The step that was approved last.'),
  honoured: field(z.string().max(256).optional(), 'The command that was honoured last.'),
  dropped: field(
    z.string().max(256).optional(),
    'The command that was dropped last: it came too late, or meant nothing.',
  ),
  promoted: field(z.boolean().optional(), 'The rest of the steps was skipped by hand.'),
  exits: field(
    z.record(z.string(), z.int()).meta({ maxProperties: 64 }).optional(),
    'Exits of each version before the walk.',
  ),
  before: field(z.string().max(64).optional(), 'Hash of what was served when the walk started, where it is known.'),
  retired: field(
    z.boolean().optional(),
    'A version of `from` has retired since: its name may stand for another model, which nobody has seen serve.',
  ),
  revert: field(z.boolean().optional(), 'It goes back to where the walk before it came from.'),
  checks: field(z.array(checkStatus).max(64).optional(), 'Verdict of each check.'),
});

export type RolloutStatus = z.output<typeof rolloutStatus>;
export type CheckStatus = z.output<typeof checkStatus>;

export const status = z.strictObject({
  observedGeneration: field(z.int().min(0).optional(), 'Generation of the spec that this status speaks of.'),
  conditions: field(
    z
      .array(condition)
      .max(16)
      .optional()
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }),
    'Accepted, Available, Ready, Reconciling and Stalled.',
  ),
  traffic: field(z.string().max(1024).optional(), 'The split in force for people, such as `v1:90 v2:10`.'),
  versions: field(
    z
      .array(versionStatus)
      .max(64)
      .optional()
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
    'Each version that is listed or still serves.',
  ),
  rollout: field(rolloutStatus.optional(), 'Where the walk stands.'),
  url: field(z.string().max(2048).optional(), 'Where to send requests.'),
  blockedBy: field(z.string().max(1024).optional(), 'The next thing to do when nothing moves by itself.'),
});

export type Status = z.output<typeof status>;
export type Condition = z.output<typeof condition>;
