/** One request again and again, one after another. */
import { CliError } from '../exit-codes.ts';
import { infer, ServerError, type Target } from './client.ts';
import { type Tally, TallyRecorder } from './tally.ts';

/** Ctrl-C ends it early, with what was counted so far. @throws CliError when not even the first one reached a server */
export async function repeated(target: Target, body: string, times: number): Promise<Tally> {
  const recorder = new TallyRecorder();
  const began = performance.now();
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
  };
  process.once('SIGINT', interrupt);
  try {
    for (let sent = 0; sent < times && !interrupted; sent++) {
      try {
        const { version, latencyMs } = await infer(target, body);
        recorder.answered(version, latencyMs);
      } catch (error) {
        if (!(error instanceof CliError) || (sent === 0 && !(error instanceof ServerError))) throw error;
        const version = error instanceof ServerError ? error.version : undefined;
        recorder.failed(error.code ?? 'UNKNOWN', version, error.message.split('\n', 1)[0] ?? '');
      }
    }
  } finally {
    process.off('SIGINT', interrupt);
  }
  return recorder.tally((performance.now() - began) / 1_000);
}
