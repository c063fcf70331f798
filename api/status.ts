/** What the operator (or the laptop's supervisor) says of a ModelDeployment. */
import { z } from 'zod';
import { field } from './fields.ts';

export const CONDITION_TYPES = ['Accepted', 'Available', 'Ready', 'Reconciling', 'Stalled'] as const;
export const VERSION_PHASES = ['Pending', 'Starting', 'Ready', 'Degraded', 'Failed', 'Retiring'] as const;
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

const rolloutStatus = z.strictObject({
  id: field(z.string().max(64), 'Identifies this walk.'),
  phase: field(z.enum(['Progressing', 'Paused', 'Completed', 'RolledBack', 'Aborted']), 'Where the walk stands.'),
  step: field(z.int().min(0), 'Index of the step in force, from 0.'),
  since: field(z.string().max(64), 'When the step came into force (RFC 3339).'),
  from: field(z.record(z.string(), z.int()), 'Shares when the walk started.', { unit: 'basis points' }),
  checks: field(
    z
      .array(
        z.strictObject({
          name: field(z.string().max(256), 'The check.'),
          verdict: field(z.enum(['Pass', 'Fail', 'Inconclusive']), 'What it says.'),
          message: field(z.string().max(1024).optional(), 'Numbers behind the verdict.'),
        }),
      )
      .max(32)
      .optional(),
    'Verdict of each check.',
  ),
});

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
