/** The other end of the IPC channel, to a supervisor or a head. Where there is none, nothing here does anything. */
import { Socket } from 'node:net';
import { type DoorName, type FromRuntime, type PublicDoorName, type ToRuntime, toRuntime } from '../api/handoff.ts';

/** The part of `process` that is used, so that a test can stand in for it. */
export interface Channel {
  send?: ((message: FromRuntime, callback: () => void) => unknown) | undefined;
  on(event: 'message', listener: (message: unknown, handle: unknown) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
}

/** What is used of a door, whatever it speaks. */
export interface HandedDoor {
  /** Accepts on a listening handle that another process bound. */
  take(handle: unknown): Promise<void>;
  /** Serves a connection that another process accepted. */
  admit(socket: Socket): void;
  /** Accepts no more. */
  release(): void;
}

export interface SupervisedBy {
  doors: Readonly<Partial<Record<DoorName, HandedDoor>>>;
  /** Finish and exit. */
  drain(lameDuckMs: number): void;
  warn(message: string): void;
  /** What only a head asks for. */
  head?: UnderHead;
}

export interface UnderHead {
  /** Not ready from now on. */
  unready(): void;
  /** The model is there. */
  model(model: Extract<ToRuntime, { type: 'model' }>): void;
  report(): unknown;
  diffs(): unknown;
  metrics(): Promise<unknown>;
}

/** How long after a connection closed the head is told how many are left, ms. */
const COUNT_AFTER_MS = 100;

/** @returns how to say something; without a channel it does nothing */
export function tellSupervisor(channel: Channel): (message: FromRuntime) => void {
  // With a callback, a channel that is closed already is no error.
  return (message) => void channel.send?.(message, () => {});
}

/** Obeys, and ends when the process that started it is gone. */
export function listenToSupervisor(channel: Channel, by: SupervisedBy): void {
  if (!channel.send) return;
  const tell = tellSupervisor(channel);
  const admit = admission(by, tell);
  const obey = (message: ToRuntime, handle: unknown): void => {
    switch (message.type) {
      case 'take':
        take(message.door, handle, by, tell);
        break;
      case 'release':
        by.doors.http?.release();
        by.doors.grpc?.release();
        tell({ type: 'released' });
        break;
      case 'drain':
        by.drain(message.lameDuck);
        break;
      case 'connection':
        admit(message, handle);
        break;
      case 'model':
        by.head?.model(message);
        break;
      case 'unready':
        by.head?.unready();
        break;
      case 'ask': {
        const { id, what } = message;
        const asked = what === 'metrics' ? by.head?.metrics() : Promise.resolve(by.head?.[what]());
        asked?.then((body) => tell({ type: 'answer', id, body }));
      }
    }
  };
  channel.on('message', (raw, handle) => {
    const parsed = toRuntime.safeParse(raw);
    if (parsed.success) obey(parsed.data, handle);
    else by.warn(`the supervisor sent what is not understood: ${parsed.error.message}`);
  });
  // An orphan would keep ports and memory with nobody to end it.
  channel.on('disconnect', () => by.drain(0));
}

function take(
  door: PublicDoorName,
  handle: unknown,
  { doors, warn }: SupervisedBy,
  tell: (message: FromRuntime) => void,
): void {
  const taking = doors[door]?.take(handle) ?? Promise.reject(new Error('there is no such door here'));
  taking.then(
    () => tell({ type: 'taken', door }),
    (error: Error) => warn(`the public ${door} socket could not be taken: ${error.message}`),
  );
}

/** Takes in connections that a head accepted, and counts those that are open. */
function admission({ doors, warn }: SupervisedBy, tell: (message: FromRuntime) => void) {
  let open = 0;
  let soon = false;
  const closed = () => {
    open--;
    if (soon) return;
    soon = true;
    const say = () => {
      soon = false;
      tell({ type: 'open', open });
    };
    setTimeout(say, COUNT_AFTER_MS).unref();
  };
  return ({ door: name, id }: { door: DoorName; id: number }, socket: unknown): void => {
    const door = doors[name];
    // Without a socket the caller was gone before it could be sent.
    if (socket instanceof Socket && door) {
      open++;
      socket.once('close', closed);
      door.admit(socket);
    } else if (socket instanceof Socket) {
      warn(`a connection came for ${name}, which is no door here`);
      socket.destroy();
    }
    tell({ type: 'accepted', id, open });
  };
}
