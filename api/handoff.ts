/**
 * What a runtime process and the supervisor that started it say to each other over Node's IPC channel, on a laptop. In
 * a cluster there is no channel: ports are bound by the pod and SIGTERM drains it.
 */
import { z } from 'zod';

/** Supervisor → runtime. `take` carries the listening handle of the public socket beside the message. */
export const toRuntime = z.discriminatedUnion('type', [
  /** Accept the public connections. Answered by `taken`. */
  z.strictObject({ type: z.literal('take'), door: z.literal('http') }),
  /** Accept no more; connections that are open go on, with `connection: close` on their answers. Answered by `released`. */
  z.strictObject({ type: z.literal('release') }),
  /** Finish what is in flight and exit 0. `lameDuck`: ms to keep answering open connections while they move away. */
  z.strictObject({ type: z.literal('drain'), lameDuck: z.int().min(0) }),
]);

/** Runtime → supervisor. */
export const fromRuntime = z.discriminatedUnion('type', [
  /** The private ports are bound; the model may still be loading. */
  z.strictObject({ type: z.literal('listening'), direct: z.int(), admin: z.int() }),
  /** Loaded and warm. */
  z.strictObject({ type: z.literal('ready') }),
  z.strictObject({ type: z.literal('taken') }),
  z.strictObject({ type: z.literal('released') }),
  /** A table came into force. */
  z.strictObject({ type: z.literal('table'), revision: z.int() }),
]);

export type ToRuntime = z.output<typeof toRuntime>;
export type FromRuntime = z.output<typeof fromRuntime>;
