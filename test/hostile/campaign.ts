/** Many wrong requests from a seed, and what became of them. */
import type { Random } from '../runtime/random.ts';
import { mutate, mutateHeaders, rawRequest } from './mutate.ts';
import { grpcSeed, httpSeeds } from './seeds.ts';
import { GrpcSender, grpcFrame, keepAlive, sendRaw } from './senders.ts';

export interface Target {
  model: string;
  http: number;
  grpc: number;
}

export interface Outcomes {
  /** By `http 400`, `grpc 3`, `http closed`, `grpc reset`. */
  counts: Map<string, number>;
  /** What must not have been: an answer of 500, or INTERNAL or UNKNOWN over gRPC; the request that got it. */
  wrong: string[];
}

/** gRPC statuses that say that the server did not foresee it: UNKNOWN, INTERNAL. */
const UNFORESEEN = new Set([2, 13]);
const MOST_WRONG_KEPT = 20;

/** Of ten: kept connections with a wrong body or header, raw bytes, gRPC. */
/** Most mangled requests never end by themselves. */
const RAW_END_MS = 40;
const SHARE = { http: 6, raw: 1 };

export async function campaign(
  target: Target,
  { mutations, random, atOnce = 16, onProgress }: CampaignOptions,
): Promise<Outcomes> {
  const outcomes: Outcomes = { counts: new Map(), wrong: [] };
  const seeds = httpSeeds(target.model);
  const message = grpcSeed(target.model);
  const keeping = keepAlive(target.http, atOnce);
  const senders = Array.from({ length: 4 }, () => new GrpcSender(target.grpc));
  const one = async (number: number): Promise<void> => {
    const lot = random.below(10);
    if (lot < SHARE.http) {
      const seed = random.pick(seeds);
      const headers = random.below(4) === 0 ? mutateHeaders(seed.headers, random) : seed.headers;
      const body = mutate(seed.body, random);
      const answer = await keeping.post(seed.path, headers, body);
      note(
        outcomes,
        `http ${answer?.status ?? 'closed'}`,
        (answer?.status ?? 0) === 500,
        () => `${seed.name} ${show(body)} → ${answer?.text}`,
      );
    } else if (lot < SHARE.http + SHARE.raw) {
      const bytes = rawRequest(random.pick(seeds), random);
      const statuses = await sendRaw(target.http, bytes, RAW_END_MS);
      note(outcomes, `raw ${statuses[0] ?? 'closed'}`, statuses.includes(500), () => show(bytes));
    } else {
      const body = mutate(message, random);
      const lying = random.below(8) === 0;
      const frame = lying ? grpcFrame(body, { flag: random.below(3), length: random.below(2 ** 32) }) : grpcFrame(body);
      const status = await (senders[number % senders.length] as GrpcSender).call(frame);
      note(outcomes, `grpc ${status ?? 'reset'}`, UNFORESEEN.has(status ?? 0), () => show(frame));
    }
  };
  let next = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < mutations) {
        const number = next++;
        await one(number);
        if (number % 1_000 === 999) onProgress?.(number + 1);
      }
    }),
  );
  for (const sender of senders) sender.close();
  await keeping.close();
  return outcomes;
}

export interface CampaignOptions {
  mutations: number;
  random: Random;
  atOnce?: number;
  onProgress?(done: number): void;
}

function note({ counts, wrong }: Outcomes, outcome: string, isWrong: boolean, what: () => string): void {
  counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  if (isWrong && wrong.length < MOST_WRONG_KEPT) wrong.push(`${outcome}: ${what()}`);
}

const show = (bytes: Buffer): string => JSON.stringify(bytes.toString('latin1').slice(0, 600));
