/** Packs programs into a few files each: a start then reads a dozen, and not hundreds. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type OutputOptions, rolldown } from 'rolldown';
import { licences } from './licences.ts';
import { scriptsByUrl } from './scripts.ts';

const ROOT = join(import.meta.dirname, '..');

/** Where each begins. */
export const PROGRAMS = { runtime: 'runtime/main.ts', operator: 'operator/main.ts', modelship: 'cli/main.ts' } as const;

export type Program = keyof typeof PROGRAMS;

/** What stays a package: it has native libraries, which it finds beside itself. */
export const EXTERNAL = /^onnxruntime-node($|\/)/;

const OUTPUT: OutputOptions = {
  format: 'esm',
  entryFileNames: '[name].mjs',
  chunkFileNames: '[name]-[hash].mjs',
  // Stack traces and errors have the names that the sources have.
  keepNames: true,
  comments: { legal: true, annotation: false, jsdoc: false },
};

/** Of what the programs were packed, by size and time of change: `cli/modelship.mjs` looks whether it still is so. */
const SOURCES = 'sources.json';

export const packAll = (folder: string): Promise<void> => pack(Object.keys(PROGRAMS) as Program[], folder);

/**
 * Writes NAME.mjs for each program into `folder`, with the files that it loads and the licences of the packages that are in
 * them. What is there already and not packed now is removed; what has not changed is not written.
 * @throws Error for what cannot be packed without a doubt
 */
export async function pack(programs: readonly Program[], folder: string): Promise<void> {
  const begun = Date.now();
  const seen: string[] = [];
  const input = Object.fromEntries(programs.map((name) => [name, join(ROOT, PROGRAMS[name])]));
  await using packed = await rolldown({
    input,
    cwd: ROOT,
    platform: 'node',
    external: EXTERNAL,
    plugins: [scriptsByUrl(input), { name: 'seen', moduleParsed: ({ id }) => void seen.push(id) }],
    onLog: (level, { message }) => {
      if (level === 'warn') throw new Error(`packing ${programs.join(', ')}: ${message}`);
    },
  });
  const { output } = await packed.generate(OUTPUT);
  const modules = output.flatMap((one) => (one.type === 'chunk' ? one.moduleIds : []));
  const files = new Map(output.map((one) => [one.fileName, one.type === 'chunk' ? one.code : one.source]));
  files.set('licences.txt', licences(modules));
  files.set(SOURCES, sources([...seen, ...own()], begun));
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of files) write(join(folder, name), text);
  for (const name of readdirSync(folder)) if (!files.has(name)) rmSync(join(folder, name), { recursive: true });
}

/** What packs, and what npm has installed. */
function own(): string[] {
  const here = readdirSync(import.meta.dirname).map((file) => join(import.meta.dirname, file));
  return [...here, join(ROOT, 'node_modules/.package-lock.json')];
}

/** What changed while it was read is of no time at all, and so is never taken for what was packed. */
function sources(files: readonly string[], begun: number): string {
  const ours = files.filter((file) => !/^\0|\/node_modules\/[^.]/.test(file));
  const stamps = ours.sort().map((file) => {
    const { size, mtimeMs } = statSync(file);
    return [relative(ROOT, file), [size, mtimeMs < begun ? mtimeMs : 0]];
  });
  return JSON.stringify(Object.fromEntries(stamps));
}

/** In one step, for processes that may be starting. */
function write(file: string, text: string | Uint8Array): void {
  if (isThere(file, text)) return;
  const part = `${file}.${process.pid}`;
  writeFileSync(part, text);
  renameSync(part, file);
}

function isThere(file: string, text: string | Uint8Array): boolean {
  try {
    return readFileSync(file).equals(Buffer.from(text));
  } catch {
    return false;
  }
}
