/** Command lines of a page taken apart, as far as a shell would: words, quotes, comments, pipes, here-documents. */

export interface CommandLine {
  /** Line within the text, from 1. */
  line: number;
  words: string[];
}

export function commandsOf(text: string): CommandLine[] {
  return new Splitter(withoutHereDocuments(text)).all();
}

/** What follows a program: `args` of `npx modelship args`, `kubectl modelship args`, `X=1 modelship args`; else undefined. */
export function wordsAfter(words: readonly string[], program: string): string[] | undefined {
  const rest = [...words];
  while (/^(\$|npx|kubectl|[A-Z_]+=.*)$/.test(rest[0] ?? '') && rest.includes(program)) rest.shift();
  if (rest[0] === 'node' && rest[1]?.endsWith(`/${program}.mjs`)) rest.shift();
  const [first, ...args] = rest;
  return first === program || first?.endsWith(`/${program}.mjs`) ? args : undefined;
}

/** Lines stay lines: places stay what they are. */
function withoutHereDocuments(text: string): string {
  return text.replaceAll(/<<-?\s*(['"]?)(\w+)\1([^\n]*)\n([\s\S]*?)\n\s*\2$/gm, (_all, _quote, _end, rest, inside) => {
    return `${rest}\n${'\n'.repeat(String(inside).split('\n').length)}`;
  });
}

class Splitter {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #word: string | undefined;
  #words: string[] = [];
  #startedOn = 1;
  #redirects = false;
  readonly #found: CommandLine[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  all(): CommandLine[] {
    while (this.#at < this.#text.length) this.#step();
    this.#endCommand();
    return this.#found;
  }

  #step(): void {
    const char = this.#take();
    if (char === '\\') this.#escaped();
    else if (char === "'" || char === '"') this.#add(this.#until(char));
    else if (char === '$' && this.#text[this.#at] === '(') this.#add(`$${this.#nested()}`);
    else if (char === '#' && this.#word === undefined) this.#until('\n', false);
    else if (char === '\n' || char === ';' || char === '|' || char === '&') this.#endCommand();
    else if (char === '>' || char === '<') this.#redirect();
    else if (char === ' ' || char === '\t') this.#endWord();
    else this.#add(char);
  }

  #take(): string {
    const char = this.#text[this.#at++] as string;
    if (char === '\n') this.#line++;
    return char;
  }

  #escaped(): void {
    if (this.#at >= this.#text.length) return;
    const char = this.#take();
    if (char === '\n') this.#endWord();
    else this.#add(char);
  }

  #until(end: string, through = true): string {
    const from = this.#at;
    while (this.#at < this.#text.length && this.#text[this.#at] !== end) this.#take();
    const inside = this.#text.slice(from, this.#at);
    if (through) this.#at++;
    return inside;
  }

  #nested(): string {
    const from = this.#at;
    let depth = 0;
    do {
      const char = this.#take();
      if (char === '(') depth++;
      if (char === ')') depth--;
    } while (depth > 0 && this.#at < this.#text.length);
    return this.#text.slice(from, this.#at);
  }

  /** `2>&1`, `> FILE`: neither is a word of the command. */
  #redirect(): void {
    if (/^\d?$/.test(this.#word ?? '')) this.#word = undefined;
    this.#endWord();
    while ('>&'.includes(this.#text[this.#at] ?? ' ')) this.#take();
    this.#redirects = true;
  }

  #add(text: string): void {
    if (this.#words.length === 0 && this.#word === undefined) this.#startedOn = this.#line;
    this.#word = (this.#word ?? '') + text;
  }

  #endWord(): void {
    if (this.#word === undefined) return;
    if (!this.#redirects) this.#words.push(this.#word);
    this.#redirects = false;
    this.#word = undefined;
  }

  #endCommand(): void {
    this.#endWord();
    if (this.#words.length > 0) this.#found.push({ line: this.#startedOn, words: this.#words });
    this.#words = [];
  }
}
