/** The program's entry: runs one command line and turns what went wrong into words and an exit code. */
import { CommanderError } from 'commander';
import { LocalError } from '../local/errors.ts';
import { type Context, invokedAs } from './context.ts';
import { CliError, EXIT } from './exit-codes.ts';
import { json, outputOf } from './output.ts';
import { ServerError } from './predict/client.ts';
import { buildProgram } from './program.ts';

/** Sets `process.exitCode`, and lets the process end by itself: what was written to a pipe is not cut. @param args without node and script */
export async function main(args: readonly string[]): Promise<void> {
  endWithReader();
  const code = await run(args, {
    out: outputOf(process.stdout),
    err: outputOf(process.stderr),
    invoked: invokedAs(process.env, process.argv[1] ?? '', process.cwd()),
  });
  if (code !== undefined) process.exitCode = code;
}

/** @returns the exit code of what went wrong; undefined when nothing did, and the command has set its own */
export async function run(args: readonly string[], context: Context): Promise<number | undefined> {
  const program = buildProgram(context);
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: 'user' });
    return undefined;
  } catch (error) {
    return say(error, args, context);
  }
}

function say(error: unknown, args: readonly string[], { out, err }: Context): number {
  // Commander has said it already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const expected = error instanceof CliError || error instanceof LocalError;
  const message = error instanceof Error ? error.message : String(error);
  const code = expected ? error.code : 'UNFORESEEN';
  if (asksForJson(args)) out.write(oneLine(args, { error: { code, message } }));
  if (expected) {
    const named = error instanceof ServerError ? `${error.code}: ` : '';
    err.write(`${err.paint('red', 'error:')} ${named}${message}\n`);
    return error.exitCode;
  }
  const stack = error instanceof Error ? (error.stack ?? message) : message;
  err.write(
    `${err.paint('red', 'error:')} this should not happen; please report it with \`modelship version\`\n${stack}\n`,
  );
  return EXIT.failed;
}

/** `run` and `rollout watch` speak in lines, the others in one document. */
function oneLine(args: readonly string[], value: object): string {
  return args[0] === 'run' || (args[0] === 'rollout' && args[1] === 'watch')
    ? `${JSON.stringify(value)}\n`
    : json(value);
}

function asksForJson(args: readonly string[]): boolean {
  return args.some(
    (arg, at) => arg === '--output=json' || (arg === 'json' && /^(-o|--output)$/.test(args[at - 1] ?? '')),
  );
}

/** `modelship … | head`: when nobody reads any more, that is the end, and no error. */
function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      // A run drains; whatever else is going on has nothing more to say.
      if (process.listenerCount('SIGTERM') > 0) process.emit('SIGTERM', 'SIGTERM');
      else process.exit();
    });
  }
}
