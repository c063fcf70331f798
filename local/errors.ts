/** What can go wrong at the start of a local run, and the exit code of each. A code is API; messages may change. */

/** Exit codes: 2 the user's input, 3 the address, 4 nothing can be served. 1 is left to what nobody foresaw. */
export const LOCAL_ERRORS = {
  /** A file cannot be read. */
  FILE_NOT_READABLE: 2,
  /** A file is not YAML, or not a valid ModelDeployment. The message lists every problem with its place. */
  FILE_INVALID: 2,
  /** Two files, or two documents, have the same `metadata.name`. */
  DUPLICATE_NAME: 2,
  /** `--volume` is not CLAIM=DIR, or DIR is not a folder. */
  VOLUME_INVALID: 2,
  /** A `pvc://CLAIM/…` without `--volume CLAIM=DIR`. */
  VOLUME_MISSING: 2,
  /** A model path that leaves its volume. */
  PATH_ESCAPES: 2,
  /** A kind of model URI that a local run does not read. */
  URI_UNSUPPORTED: 2,
  /** A version name that comes back with another model before it was retired. */
  VERSION_REUSED: 2,
  /** `--state-dir` cannot be used, or holds what this program did not write. */
  STATE_DIR_INVALID: 2,
  /** The public port is taken. */
  ADDRESS_IN_USE: 3,
  /** The public address cannot be bound for another reason, such as a host that is not ours. */
  ADDRESS_NOT_AVAILABLE: 3,
  /** Every version failed its first load; the message names each cause. */
  NOTHING_TO_SERVE: 4,
} as const;

export type LocalErrorCode = keyof typeof LOCAL_ERRORS;

export class LocalError extends Error {
  readonly code: LocalErrorCode;

  /** @param message what was wrong, where, and what to do */
  constructor(code: LocalErrorCode, message: string) {
    super(message);
    this.name = 'LocalError';
    this.code = code;
  }

  get exitCode(): number {
    return LOCAL_ERRORS[this.code];
  }
}
