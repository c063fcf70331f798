/** What a supervisor looks like from outside: its part of the snapshot. */
import { shadowPoints, statedShares } from '../api/effective.ts';
import { percentOf } from '../api/units.ts';
import { isWalking } from '../core/rollout/model.ts';
import { authorityOf, urlOf } from './listen-handle.ts';
import type { DeploymentPhase, DeploymentView, VersionPhase, VersionView } from './snapshot.ts';
import type { Supervisor } from './supervisor.ts';
import type { VersionKeeper } from './version-keeper.ts';

export function viewOf(supervisor: Supervisor): DeploymentView {
  const { document, table, meter, inForce, doors } = supervisor;
  return {
    name: document.metadata.name,
    url: urlOf(doors.http),
    ...(doors.grpc && { grpc: authorityOf(doors.grpc) }),
    phase: phaseOf(supervisor),
    ...(table && { primary: table.primary, revision: table.revision }),
    inForce,
    waiting: [...supervisor.waiting],
    ...(supervisor.rollout && { rollout: supervisor.rollout }),
    ...(document.spec.rollout && { rolloutSpec: document.spec.rollout }),
    versions: versionViews(supervisor),
    total: meter.total(),
  };
}

function phaseOf(supervisor: Supervisor): DeploymentPhase {
  const { phase, starting, entry, settled, rollout } = supervisor;
  if (phase !== 'serving') return phase === 'draining' ? 'Draining' : 'Stopped';
  if (starting) return 'Starting';
  if (entry === undefined) return 'Unavailable';
  return settled && !isWalking(rollout) ? 'Serving' : 'Moving';
}

function versionViews(supervisor: Supervisor): VersionView[] {
  const { spec } = supervisor.document;
  const stated = statedShares(spec);
  const listed = spec.versions.map(({ name }) => name);
  const leaving = supervisor.versions.names.filter((name) => !listed.includes(name));
  return [...listed, ...leaving].map((name) => {
    const keeper = supervisor.versions.get(name);
    const asked = spec.versions.find((version) => version.name === name);
    const share = supervisor.table?.versions.find((v) => v.name === name)?.share ?? 0;
    const goal = supervisor.goal?.versions.find((v) => v.name === name);
    // A goal that is known and leaves it out, or lets it go, takes it back.
    const withdrawn = supervisor.goal !== undefined && (!goal || goal.dropped === true);
    const needed = share > 0 || (goal !== undefined && (!goal.dropped || goal.share > 0));
    return {
      name,
      phase: keeper ? keeperPhase(keeper, needed) : withdrawn ? 'Withdrawn' : 'Pending',
      wanted: percentOf(stated.get(name) ?? 0),
      ...(supervisor.goal && { goal: percentOf(goal?.share ?? 0) }),
      share: percentOf(share),
      shadow: asked ? percentOf(shadowPoints(asked)) : 0,
      entry: supervisor.entry === name,
      ...supervisor.meter.measure(name),
      restarts: keeper?.restarts ?? 0,
      ...(keeper && detailsOf(keeper)),
    };
  });
}

function keeperPhase(keeper: VersionKeeper, needed: boolean): VersionPhase {
  if (keeper.stopping || !needed) return 'Retiring';
  if (keeper.ready) return 'Ready';
  if (keeper.restartAt === undefined) return 'Starting';
  return keeper.lastEnd?.wasReady ? 'Restarting' : 'Failed';
}

function detailsOf(keeper: VersionKeeper) {
  const [newest] = [...keeper.alive].reverse();
  const pid = (keeper.ready ?? newest)?.pid;
  const admin = (keeper.ready ?? newest)?.adminPort;
  return {
    ...(pid !== undefined && { pid }),
    ...(admin !== undefined && { admin }),
    ...(keeper.digest !== undefined && { digest: keeper.digest }),
    ...(keeper.lastEnd && { cause: keeper.lastEnd.cause }),
    ...(keeper.restartAt !== undefined && { restartAt: new Date(keeper.restartAt).toISOString() }),
  };
}
