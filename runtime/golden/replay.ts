/** Replays golden requests against a model that is open, the way users' requests take: codec, queue, batcher, session. */
import type { Clock } from '../clock.ts';
import { LoadError, RequestError } from '../errors.ts';
import type { LoadedModel } from '../models/loaded-model.ts';
import { oipRest } from '../protocol/oip-rest.ts';
import { difference } from './compare.ts';
import type { GoldenRequest } from './parse.ts';

export interface ReplayOptions {
  /** Largest absolute difference of a floating-point number. */
  tolerance: number;
  /** Longest time for one request, ms. */
  timeoutMs: number;
  clock: Pick<Clock, 'now'>;
  /** Breaks it off between two requests. */
  signal?: AbortSignal | undefined;
}

/** What is still replayed once one differs, so that the message can count: a slow model is not asked for all of it, ms. */
const COUNT_MS = 10_000;

/**
 * One after the other, each once.
 * @throws LoadError GOLDEN_MISMATCH: the first difference, and how many requests differ
 */
export async function replayGolden(
  requests: readonly GoldenRequest[],
  model: Pick<LoadedModel, 'signature' | 'runner'>,
  options: ReplayOptions,
): Promise<void> {
  const { clock, signal } = options;
  let first: { what: string; at: number } | undefined;
  let differing = 0;
  let replayed = 0;
  for (const request of requests) {
    if (signal?.aborted) throw new LoadError('INTERNAL', 'the start was broken off: the process is to end');
    if (first && clock.now() - first.at > COUNT_MS) break;
    const what = await replayOne(request, model, options);
    replayed++;
    if (what === undefined) continue;
    differing++;
    first ??= { what: `golden request ${request.called} ${what}`, at: clock.now() };
  }
  if (!first) return;
  const of = replayed < requests.length ? `the first ${replayed}` : `${replayed}`;
  const count = `${differing} of ${of} request${replayed === 1 ? '' : 's'} differ${differing === 1 ? 's' : ''}`;
  throw new LoadError('GOLDEN_MISMATCH', `${first.what} (${count})`);
}

/** @returns how its answer differs */
async function replayOne(
  { body, expected }: GoldenRequest,
  { signature, runner }: Pick<LoadedModel, 'signature' | 'runner'>,
  { tolerance, timeoutMs, clock }: ReplayOptions,
): Promise<string | undefined> {
  try {
    const { inputs, outputs } = oipRest({ body, headers: {} }, signature);
    const deadline = clock.now() + timeoutMs;
    const work = { inputs, outputs, bytes: body.length, deadline, caller: {}, onGone: () => () => {} };
    const { outputs: got } = await runner.submit(work);
    for (const tensor of expected) {
      const found = difference(tensor, got[outputs.indexOf(tensor.name)], tolerance);
      if (found !== undefined) return found;
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    // ONNX Runtime speaks in several lines.
    return `got no answer: ${error.code}: ${error.message.replaceAll(/\s+/g, ' ').trim()}`;
  }
}
