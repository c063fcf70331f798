/** Entry of a replica: one runtime process, or the head of several. */
import { mayHaveSeveral } from './fleet/rule.ts';
import { LastWords } from './last-words.ts';
import { parseLaunch, terminationLogOf } from './launch-args.ts';
import { thisMachine, withEnvironment } from './launch-env.ts';

const args = process.argv.slice(2);
const words = new LastWords(terminationLogOf(args));
const giveUp = (error: unknown) => words.giveUp(error);

process.on('uncaughtException', giveUp);
try {
  const launch = parseLaunch(withEnvironment(args, thisMachine()));
  // A head never opens the model, and one process needs no head: each loads its own half of the code.
  const { run } = mayHaveSeveral(launch) ? await import('./fleet/head.ts') : await import('./single.ts');
  await run(launch, words);
} catch (error) {
  giveUp(error);
}
