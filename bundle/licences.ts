/** The licences of packages whose code is in a packed program: each asks to be handed on with it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//;
const LICENCE = /^(licen[cs]e|notice|copying)/i;

/**
 * @param modules paths of what was packed
 * @throws Error for a package that says nothing of its licence
 */
export function licences(modules: readonly string[]): string {
  const folders = new Set(modules.flatMap((file) => PACKAGE.exec(file)?.[1] ?? []));
  return [...folders].sort().map(licenceOf).join('\n');
}

function licenceOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
    license?: string;
  };
  const texts = readdirSync(folder)
    .filter((file) => LICENCE.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim());
  if (license === undefined && texts.length === 0) throw new Error(`${name} ${version} has no licence: ${folder}`);
  const title = `${name} ${version} (${license ?? 'see below'})`;
  return [title, '='.repeat(title.length), '', ...texts, ''].join('\n');
}
