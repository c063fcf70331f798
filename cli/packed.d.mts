/**
 * The packed program, which starts in half of the time; undefined where none was packed, or where a source is another now.
 * @param root where `dist/` lies, beside the sources; left out, this checkout
 */
export function packed(name: string, root?: string): string | undefined;
