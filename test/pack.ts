/** Before all tests: the programs that they start are packed of what the sources are now. */
import { join } from 'node:path';
import { packed } from '../cli/packed.mjs';

const FOLDER = join(import.meta.dirname, '../dist');
const ALL = ['runtime', 'operator', 'modelship'];

export default async function packPrograms(): Promise<void> {
  // Loaded only where there is something to pack: every worker of the tests comes by here.
  if (ALL.some((name) => packed(name) === undefined)) await (await import('../bundle/pack.ts')).packAll(FOLDER);
}
