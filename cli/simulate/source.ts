/** Where the samples of a simulation come from: a file, or what is made up. */
import { evidenceSample } from '../../api/evidence-sample.ts';
import type { EvidenceSample } from '../../core/analysis/model.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import type { NamedText } from '../files.ts';

/** What is in force. */
export interface Served {
  /** Basis points by version. */
  shares: ReadonlyMap<string, number>;
  /** Requests copied to a version, basis points. */
  shadows: ReadonlyMap<string, number>;
  stable: string;
}

export interface SampleSource {
  /** Whether nothing more will come. */
  readonly exhausted: boolean;
  /** What was counted up to then. @param at ms since the walk began */
  take(at: number, served: Served): EvidenceSample[];
}

/** Samples as they were written down. */
export class RecordedSamples implements SampleSource {
  readonly #samples: readonly EvidenceSample[];
  #next = 0;

  /** @param samples in the order of time, the first at 0 or later */
  constructor(samples: readonly EvidenceSample[]) {
    this.#samples = samples;
  }

  get exhausted(): boolean {
    return this.#next >= this.#samples.length;
  }

  /** Versions that the samples speak of. */
  get versions(): string[] {
    return [...new Set(this.#samples.flatMap(({ versions }) => Object.keys(versions)))].sort();
  }

  take(at: number): EvidenceSample[] {
    const from = this.#next;
    while ((this.#samples[this.#next]?.at ?? Number.POSITIVE_INFINITY) <= at) this.#next++;
    return this.#samples.slice(from, this.#next);
  }
}

/** Later than that, a time is one of a clock, not since the beginning of a file: 1 year. */
const LONGEST_FILE_MS = 366 * 24 * 3_600_000;

/** One sample a line; empty lines are left out. @throws CliError with the line that is none */
export function readSamples({ name, text }: NamedText): EvidenceSample[] {
  const samples: EvidenceSample[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const sample = parseLine(line, `${name}:${index + 1}`);
    const before = samples.at(-1);
    if (before && sample.at < before.at) throw bad(`${name}:${index + 1}`, 'at is before that of the line above');
    samples.push(sample);
  }
  const [first] = samples;
  if (!first) throw bad(name, 'there is no sample in it');
  const zero = first.at > LONGEST_FILE_MS ? first.at : 0;
  return samples.map((sample) => ({ ...sample, at: sample.at - zero }));
}

function parseLine(line: string, place: string): EvidenceSample {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    throw bad(place, `it is not JSON (${(error as Error).message})`);
  }
  const parsed = evidenceSample.safeParse(json);
  if (parsed.success) return parsed.data as EvidenceSample;
  const [issue] = parsed.error.issues;
  throw bad(place, `${issue?.path.join('.') || 'the line'}: ${issue?.message}`);
}

function bad(place: string, why: string): CliError {
  return new CliError(
    `${place}: ${why}; expected a sample a line, as \`modelship rollout record\` writes them`,
    EXIT.usage,
    'SampleInvalid',
  );
}
