/** Words within the limits of a status. */

/** At most `max` UTF-16 units, the last one `…` when something is missing. Never half of a character. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text.slice(0, Math.max(0, max - 1)).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** `cut` by bytes of UTF-8. */
export function cutBytes(text: string, max: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= max) return text;
  // A character that was cut in two decodes to U+FFFD.
  return `${bytes
    .subarray(0, max - 3)
    .toString()
    .replace(/\ufffd+$/, '')}…`;
}

/** White space, control characters and characters that were cut in two become one space. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\ufffd]+/gu, ' ').trim();
}

/** `v1`, `v1 and v2`, `v1, v2 and v3`. */
export function andList(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** The first 12 digits of a digest. */
export function shortDigest(digest: string): string {
  return digest.length > 12 ? `${digest.slice(0, 12)}…` : digest;
}
