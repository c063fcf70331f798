/** What the terminal table, the plain lines and `--output json` show of a run. Types only; `view.ts` fills them. */

import type { Rollout } from '../api/rollout.ts';
import type { RolloutStatus } from '../api/status.ts';

/** `Withdrawn`: listed, and taken back by a rollout; it runs again when a rollout tries it again. */
export type VersionPhase = 'Pending' | 'Starting' | 'Ready' | 'Restarting' | 'Failed' | 'Retiring' | 'Withdrawn';

/** `Starting`: not all of the first split serves yet. `Moving`: another split is wanted than is in force. */
export type DeploymentPhase = 'Starting' | 'Serving' | 'Moving' | 'Unavailable' | 'Draining' | 'Stopped';

/** Measured over the last seconds, at most since the split in force came into force. */
export interface Traffic {
  requestsPerSecond: number;
  /** Seconds, by the server's own clock; absent when nothing was answered. */
  p50?: number;
  p99?: number;
  /** Failures counted against it over the last seconds: answers of 5xx and, for a canary, calls that failed. */
  errorsPerSecond: number;
  /** Requests answered since the run began. */
  requests: number;
  /** Failures counted against it since the run began. Shielded ones are among them: the user got an answer. */
  errors: number;
}

export interface VersionView extends Traffic {
  name: string;
  phase: VersionPhase;
  /** Percent that the file asks for. */
  wanted: number;
  /** Percent that is wanted now: on a walk, and after one that failed, not what the file asks for in the end. */
  goal?: number;
  /** Percent in the traffic table. */
  share: number;
  /** Percent of the answers of the last seconds that this version gave; absent when there were none. */
  observed?: number;
  /** Percent of requests that are copied to it. */
  shadow: number;
  /** Whether the public socket is with it. */
  entry: boolean;
  /** Requests drawn for it that another version answered, since the run began. */
  shielded: number;
  restarts: number;
  pid?: number;
  /** Port of its metrics, report and kept differences, on loopback. */
  admin?: number;
  /** SHA-256 of the model that is served. */
  digest?: string;
  /** Why it last ended or does not start. Kept until it has been ready for a while. */
  cause?: string;
  /** ISO time of the next start, while it is `Restarting`. */
  restartAt?: string;
}

export interface DeploymentView {
  name: string;
  /** Base URL of the public door, such as `http://127.0.0.1:8080`. */
  url: string;
  /** `HOST:PORT` of the public gRPC door, such as `127.0.0.1:8081`; absent when no version speaks gRPC. */
  grpc?: string;
  phase: DeploymentPhase;
  /** The stable version. */
  primary?: string;
  /** Revision of the traffic table that was last written. */
  revision?: number;
  /** Whether all ready processes report that revision. */
  inForce: boolean;
  /** What is being waited for, or what is wrong, in sentences. */
  waiting: string[];
  /** Where the rollout stands, or how the last one ended; absent where nothing was ever walked. */
  rollout?: RolloutStatus;
  /** The walk as the file has it now. */
  rolloutSpec?: Rollout;
  /** In the order of the file; versions that are on their way out come last. */
  versions: VersionView[];
  total: Traffic;
}

export interface Snapshot {
  /** ISO time. */
  time: string;
  deployments: DeploymentView[];
}

export const EVENT_TYPES = [
  'serving',
  'version-starting',
  'version-ready',
  'version-crashed',
  'version-failed',
  'version-restarting',
  'version-replacing',
  'version-retiring',
  'version-stopped',
  'split-waiting',
  'traffic-moved',
  'entry-moved',
  'rollout-started',
  'rollout-step',
  'rollout-paused',
  'rollout-resumed',
  'rollout-completed',
  'rollout-rolled-back',
  'rollout-aborted',
  'rollout-command-ignored',
  'file-changed',
  'file-rejected',
  'field-ignored',
  'draining',
  'stopped',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Something that happened, in one line. */
export interface LocalEvent {
  /** ISO time. */
  time: string;
  level: 'info' | 'warn' | 'error';
  deployment: string;
  version?: string;
  type: EventType;
  message: string;
}
