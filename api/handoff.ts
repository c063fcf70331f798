/**
 * What a runtime process and the process that started it say to each other over Node's IPC channel. That may be the
 * supervisor of a laptop, or the head of a replica with several processes (`runtime/fleet/`). A process that was
 * started by neither has no channel: it binds its ports itself and SIGTERM drains it.
 */
import { z } from 'zod';

/** Sockets that callers come in by. */
export const DOORS = ['http', 'grpc', 'direct', 'direct-grpc'] as const;
export type DoorName = (typeof DOORS)[number];
/** Those of them that are public. */
const publicDoor = z.enum(['http', 'grpc']);
export type PublicDoorName = z.output<typeof publicDoor>;

/** To a runtime process. */
export const toRuntime = z.discriminatedUnion('type', [
  /** Accept on a public socket, whose listening handle comes beside the message. Answered by `taken`. */
  z.strictObject({ type: z.literal('take'), door: publicDoor }),
  /** Accept no more; connections that are open go on and are told to move with their next answer. Answered by `released`. */
  z.strictObject({ type: z.literal('release') }),
  /** Finish what is in flight and exit 0. `lameDuck`: ms to keep answering open connections while they move away. */
  z.strictObject({ type: z.literal('drain'), lameDuck: z.int().min(0) }),
  /** From a head: serve this connection, which comes beside the message. Answered by `accepted`. */
  z.strictObject({ type: z.literal('connection'), door: z.enum(DOORS), id: z.int() }),
  /** From a head: the model, fetched and verified. `phases`: ms that these took. */
  z.strictObject({
    type: z.literal('model'),
    path: z.string(),
    digest: z.string(),
    phases: z.record(z.string(), z.number()),
  }),
  /** From a head: not ready from now on, yet answer as before. */
  z.strictObject({ type: z.literal('unready') }),
  /** From a head. Answered by `answer`. */
  z.strictObject({ type: z.literal('ask'), id: z.int(), what: z.enum(['report', 'metrics', 'diffs']) }),
]);

/** Where the model runs, by its measured cost. */
const placement = z.strictObject({ on: z.enum(['main', 'workers']) });
export type Placement = z.output<typeof placement>;

/** From a runtime process. */
export const fromRuntime = z.discriminatedUnion('type', [
  /** Its own ports are bound, where it has any; the model may still be loading. */
  z.strictObject({ type: z.literal('listening'), direct: z.int().optional(), admin: z.int().optional() }),
  /** Loaded and warm. */
  z.strictObject({ type: z.literal('ready'), placement: placement.optional() }),
  z.strictObject({ type: z.literal('taken'), door: publicDoor }),
  z.strictObject({ type: z.literal('released') }),
  /** A table came into force. */
  z.strictObject({ type: z.literal('table'), revision: z.int() }),
  /** To a head: the connection is its own now. `open`: connections that it has. */
  z.strictObject({ type: z.literal('accepted'), id: z.int(), open: z.int().min(0) }),
  /** To a head, a while after connections closed. */
  z.strictObject({ type: z.literal('open'), open: z.int().min(0) }),
  /** To a head. `body`: a pod report, the metrics as prom-client's JSON, or kept diffs. */
  z.strictObject({ type: z.literal('answer'), id: z.int(), body: z.unknown() }),
  /** To a head: why it ends. */
  z.strictObject({ type: z.literal('failed'), code: z.string(), message: z.string() }),
]);

export type ToRuntime = z.output<typeof toRuntime>;
export type FromRuntime = z.output<typeof fromRuntime>;
