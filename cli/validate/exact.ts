/** JSON that keeps whole numbers which JavaScript cannot hold, such as labels of 64 bits. */

/** Such a number comes as what `JSON.rawJSON` makes, which is written as it was read. */
export function parseExact(text: string): unknown {
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };
  const keep = (_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? rawJSON(context?.source as string)
      : value;
  return JSON.parse(text, keep);
}
