/** How working on one key ended; the queue does the rest. */
export type Outcome =
  /** Nothing more to do until something changes. */
  | { kind: 'done' }
  /** All is well; look again in a while. `patienceMs`: how much longer others may go first then, see `WorkQueue.add`. */
  | { kind: 'after'; ms: number; patienceMs?: number | undefined }
  /** It failed in a way that may pass: again, later each time. `afterMs`: not before that. */
  | { kind: 'retry'; reason: string; afterMs?: number | undefined }
  /** It failed, and only a change of the object can mend it. */
  | { kind: 'terminal'; reason: string };
