/** Exit codes of all commands. They are API: scripts branch on them. */

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  address: 3,
  nothingServed: 4,
  takenBack: 5,
  notOver: 6,
  noVerdict: 7,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What each means in general; a command's help says what it means there. */
export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: 'done, or ended on request after draining',
  1: 'the answer is no: a manifest is invalid, a server refused or was not there',
  2: 'the command line, or a file that it names, cannot be used as it is',
  3: 'the address cannot be bound, such as a port in use',
  4: 'no version could be served',
  5: 'a rollout was taken back: rolled back or aborted',
  6: 'a rollout is not over: it waits for a person, or the time that it was given ran out',
  7: 'no verdict: not all could be judged here, and nothing is known to be wrong',
  130: 'ended at once, by a second Ctrl-C',
};

/** An error that the user can do something about: printed as it is, without a stack. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  /** For machines, as a server says it. */
  readonly code: string | undefined;

  /** @param message what was wrong, where, and what to do */
  constructor(message: string, exitCode: ExitCode, code?: string) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
    this.code = code;
  }
}
