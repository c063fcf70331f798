/** How parts tell what happened, without knowing who listens. */
import type { EventType, LocalEvent } from './snapshot.ts';

export type Say = (level: LocalEvent['level'], type: EventType, message: string, version?: string) => void;
