/** `node bundle/main.ts` packs all programs into `dist/`, `node bundle/main.ts runtime` only that one. */
import { join } from 'node:path';
import { PROGRAMS, type Program, pack } from './pack.ts';

const all = Object.keys(PROGRAMS) as Program[];
const asked = process.argv.slice(2);
const unknown = asked.find((name) => !(name in PROGRAMS));
if (unknown !== undefined) {
  process.stderr.write(`error: there is no program "${unknown}": ${all.join(', ')}\n`);
  process.exitCode = 2;
} else {
  await pack(asked.length > 0 ? (asked as Program[]) : all, join(import.meta.dirname, '../dist'));
}
