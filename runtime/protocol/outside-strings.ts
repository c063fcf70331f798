/** Finding things in the text of JSON that stand outside of its strings. Pure. */

/**
 * Replaces what a pattern finds outside of strings.
 * @param pattern global
 * @returns undefined when there is nothing to replace
 */
export function replaceOutsideStrings(
  text: string,
  pattern: RegExp,
  replace: (found: string) => string,
): string | undefined {
  const words = new RegExp(pattern);
  const parts: string[] = [];
  let copied = 0;
  // The next string: looked for again only once it is passed.
  let quote = text.indexOf('"');
  for (let word = words.exec(text); word; word = words.exec(text)) {
    let end = 0;
    while (quote >= 0 && quote < word.index) {
      end = endOfString(text, quote);
      quote = text.indexOf('"', end);
    }
    if (end > word.index) {
      words.lastIndex = end;
      continue;
    }
    parts.push(text.slice(copied, word.index), replace(word[0]));
    copied = words.lastIndex;
  }
  return copied > 0 ? parts.join('') + text.slice(copied) : undefined;
}

/** @returns the index after the closing quote of the string that opens at `quote` */
function endOfString(text: string, quote: number): number {
  for (let at = quote + 1; ; at++) {
    const close = text.indexOf('"', at);
    if (close < 0) return text.length;
    let escapes = 0;
    while (text[close - 1 - escapes] === '\\') escapes++;
    if (escapes % 2 === 0) return close + 1;
    at = close;
  }
}
