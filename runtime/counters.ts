/** Plain counters by version: the source of both `/metrics` and the pod report, so the two cannot disagree. */
import type { VersionCounters } from '../api/pod-report.ts';

/** A table holds 64 versions at most; the rest is room for versions that left it. */
const MOST_VERSIONS = 128;

/** What this process knows of each version. Counters only grow. */
export class VersionBook {
  readonly own: string;
  readonly #versions = new Map<string, VersionCounters>();

  constructor(own: string) {
    this.own = own;
    this.of(own);
  }

  /**
   * The counters of a version, to be read and incremented in place. Made on first use, so call it only with names that
   * come from the table or the command line: a name from a request would let callers grow the book. Beyond its bound,
   * the version first seen longest ago is forgotten.
   */
  of(version: string): VersionCounters {
    const known = this.#versions.get(version);
    if (known) return known;
    if (this.#versions.size >= MOST_VERSIONS) {
      for (const oldest of this.#versions.keys()) {
        if (oldest === this.own) continue;
        this.#versions.delete(oldest);
        break;
      }
    }
    const fresh = zeroCounters();
    this.#versions.set(version, fresh);
    return fresh;
  }

  entries(): IterableIterator<[string, VersionCounters]> {
    return this.#versions.entries();
  }

  snapshot(): Record<string, VersionCounters> {
    return Object.fromEntries(
      [...this.#versions].map(([version, counters]) => [version, { ...counters, shielded: { ...counters.shielded } }]),
    );
  }
}

function zeroCounters(): VersionCounters {
  return {
    answered: 0,
    errors: 0,
    refused: 0,
    routed: 0,
    forwarded: 0,
    failed: 0,
    shielded: { unreachable: 0, timeout: 0, error: 0, open: 0 },
    mirrored: 0,
    compared: 0,
    differing: 0,
    mirrorFailed: 0,
    mirrorDropped: 0,
  };
}
