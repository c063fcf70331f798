/** An HTTP answer before it is sent: the shape that routes, the split and the forwarder hand to each other. */
import type { Readable } from 'node:stream';

export interface Answer {
  status: number;
  /** Lower-case names. */
  headers: Record<string, string>;
  /** A stream only for a forwarded answer too large to hold; it cannot be shielded any more. */
  body: Buffer | string | Readable;
}

/** The header that names the version that answered, and by which a request may name one. */
export const VERSION_HEADER = 'modelship-version';
