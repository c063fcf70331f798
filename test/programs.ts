/** The programs as images hold them: packed, by `bundle/`. */
import { join } from 'node:path';
import packPrograms from './pack.ts';

const FOLDER = join(import.meta.dirname, '../dist');

await packPrograms();

export const RUNTIME = join(FOLDER, 'runtime.mjs');
export const OPERATOR = join(FOLDER, 'operator.mjs');
