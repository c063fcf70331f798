/** Markdown pages of this repository, as far as the tests look into them: links, headings, blocks of code. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '../../..');

export interface Block {
  /** First word after the fence. */
  language: string;
  /** Line of the page that the fence is on, from 1. */
  line: number;
  text: string;
}

export interface Page {
  /** Relative to the repository. */
  file: string;
  text: string;
  blocks: Block[];
  /** Code inside of sentences. */
  codes: { line: number; text: string }[];
  lineAt(index: number): number;
}

export interface Link {
  line: number;
  text: string;
  /** As written. */
  target: string;
  /** The file or folder that is meant, relative to the repository; undefined for an address elsewhere. */
  to: string | undefined;
  anchor: string | undefined;
  picture: boolean;
}

const FENCE = /^( *)(```+)(\S*)[^\n]*\n([\s\S]*?)^ *\2 *$/gm;
const CODE = /(?<!`)(`+)(?!`)([\s\S]*?[^`])\1(?!`)/g;
const LINK = /(!?)\[((?:[^[\]]|\[[^\]]*\])*)\]\(([^()\s]+(?:\([^()\s]*\))?)(?:\s+"[^"]*")?\)/g;

export function pages(): Page[] {
  return markdownFiles('').map((file) => pageOf(file, readFileSync(path.join(ROOT, file), 'utf8')));
}

function markdownFiles(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.') && name !== 'node_modules')
    .flatMap((entry) => {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) return markdownFiles(file);
      return entry.isFile() && file.endsWith('.md') ? [file] : [];
    });
}

export function pageOf(file: string, text: string): Page {
  const lineAt = (index: number) => text.slice(0, index).split('\n').length;
  const blocks = [...text.matchAll(FENCE)].map(({ index, 1: indent = '', 3: language = '', 4: inside = '' }) => ({
    language,
    line: lineAt(index),
    text: indent === '' ? inside : inside.replaceAll(new RegExp(`^ {0,${indent.length}}`, 'gm'), ''),
  }));
  const codes = [...withoutBlocks(text).matchAll(CODE)].map(({ index, 2: code = '' }) => ({
    line: lineAt(index),
    text: code.replaceAll(/\s+/g, ' ').replaceAll('\\|', '|').trim(),
  }));
  return { file, text, blocks, codes, lineAt };
}

export function linksOf({ file, text, lineAt }: Page): Link[] {
  return [...withoutBlocks(text).replaceAll(CODE, blank).matchAll(LINK)].map((found) => {
    const [, mark, said = '', target = ''] = found;
    const [name = '', anchor] = target.split('#');
    const elsewhere = /^[a-z][a-z0-9+.-]*:/i.test(target);
    const to = name === '' ? file : path.normalize(path.join(path.dirname(file), decodeURI(name)));
    return {
      line: lineAt(found.index),
      text: said,
      target,
      to: elsewhere ? undefined : to,
      anchor,
      picture: mark === '!',
    };
  });
}

/** What follows `#` in links to the headings of a page, as GitHub makes it. */
export function anchorsOf({ text }: Page): Set<string> {
  const anchors = new Set<string>();
  const plain = withoutBlocks(text);
  for (const [, heading = ''] of plain.matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const slug = heading
      .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
      .replaceAll(' ', '-');
    let unique = slug;
    for (let n = 1; anchors.has(unique); n++) unique = `${slug}-${n}`;
    anchors.add(unique);
  }
  for (const [, id = ''] of plain.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}

/** The same length, so that places stay what they are. */
function blank(text: string): string {
  return text.replaceAll(/[^\n]/g, ' ');
}

function withoutBlocks(text: string): string {
  return text.replaceAll(FENCE, blank);
}
