/** What the runtime must show, held against what was measured. Pure. */
import { withSpread } from './format.ts';
import type { Cell, Group } from './summary.ts';
import type { WireId } from './wires/wires.ts';

export interface Claim {
  what: string;
  measured: string;
  /** Undefined: not measured in this run. */
  holds: boolean | undefined;
}

const LEAST_OF_ECHO = 0.95;
const MOST_P50_OF_ECHO = 1.4;
const LEAST_OF_COMPUTE = 0.9;

const cellIn = (group: Group | undefined, id: string): Cell | undefined =>
  group?.cells.find(({ contender }) => contender === id);

export function claimsOf(groups: readonly Group[]): Claim[] {
  const at = (model: string, fits: (concurrency: number) => boolean) =>
    groups.filter((group) => group.model === model && fits(group.concurrency));
  const busy = at('digits', (concurrency) => concurrency >= 16);
  const single = at('digits', (concurrency) => concurrency === 1);
  return [
    ...busy.map((group) => echoClaim(group)),
    ...single.map((group) => latencyClaim(group)),
    ...['image', 'text'].flatMap((model) =>
      computeClaim(
        model,
        at(model, (concurrency) => concurrency >= 16),
      ),
    ),
  ];
}

function echoClaim(group: Group): Claim {
  const ratio = cellIn(group, 'modelship-json')?.ratios.echo;
  return {
    what: `digits, JSON, ${group.concurrency} in flight: at least ${LEAST_OF_ECHO} × the echo’s throughput`,
    measured: withSpread(ratio),
    holds: ratio && ratio.median >= LEAST_OF_ECHO,
  };
}

function latencyClaim(group: Group): Claim {
  const ratio = cellIn(group, 'modelship-json')?.p50Ratio;
  return {
    what: `digits, JSON, 1 in flight: p50 at most ${MOST_P50_OF_ECHO} × the echo’s`,
    measured: withSpread(ratio),
    holds: ratio && ratio.median <= MOST_P50_OF_ECHO,
  };
}

/** At the concurrency where it comes closest to the limit. */
function computeClaim(model: string, groups: readonly Group[]): Claim[] {
  return (['modelship-binary', 'modelship-grpc'] as const).map((id) => {
    const ratios = groups.flatMap((group) => cellIn(group, id)?.ratios.compute ?? []);
    const best = ratios.toSorted((a, b) => b.median - a.median)[0];
    return {
      what: `${model}, ${id === 'modelship-grpc' ? 'gRPC' : 'binary'}: at least ${LEAST_OF_COMPUTE} × the compute limit, batched`,
      measured: withSpread(best),
      holds: best && best.median >= LEAST_OF_COMPUTE,
    };
  });
}

export interface Rivalry {
  peer: string;
  model: string;
  concurrency: number;
  /** Ours over the peer's throughput, the peer's over our p99: above 1 is ahead. */
  throughput: number;
  p99: number;
}

/** Against whom a peer is held: the same kind of bytes. */
export const RIVAL: Readonly<Record<WireId, string>> = {
  'oip-json': 'modelship-json',
  'native-json': 'modelship-json',
  'stacked-json': 'modelship-json',
  'oip-binary': 'modelship-binary',
  'oip-grpc': 'modelship-grpc',
};

/** @param peers their wires, by id */
export function rivalries(groups: readonly Group[], peers: ReadonlyMap<string, WireId>): Rivalry[] {
  return groups.flatMap((group) =>
    group.cells.flatMap((cell) => {
      const wire = peers.get(cell.contender);
      const own = wire && cellIn(group, RIVAL[wire]);
      if (!own) return [];
      const { model, concurrency } = group;
      const throughput = own.perSecond.median / cell.perSecond.median;
      return [{ peer: cell.contender, model, concurrency, throughput, p99: cell.p99 / own.p99 }];
    }),
  );
}
