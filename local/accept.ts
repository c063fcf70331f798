/** From an accepted ModelDeployment to what the planner and the processes are told. */
import {
  effectiveServing,
  goldenTolerance,
  retireAfterMs,
  runtimeServingOf,
  shadowPoints,
  statedShares,
} from '../api/effective.ts';
import type { Launch } from '../api/launch.ts';
import type { ModelDeployment, ModelDeploymentSpec } from '../api/model-deployment.ts';
import type { Desired } from '../core/model.ts';
import { LocalError } from './errors.ts';
import type { KeptVersion } from './state.ts';
import { localUri, type Places } from './volumes.ts';

export interface LaunchSettings {
  places: Places;
  /** The traffic table's file. */
  table: string;
  logLevel: Launch['logLevel'];
}

/** How each version's process is started. @throws LocalError naming the version and its `model.uri` or `golden.uri` */
export function launchesOf(
  model: string,
  versions: readonly KeptVersion[],
  settings: LaunchSettings,
): Map<string, Launch> {
  return new Map(
    versions.map((version) => {
      const serving = runtimeServingOf(version.serving ?? {});
      const launch: Launch = {
        model,
        version: version.name,
        uri: placed(model, version.name, version.model.uri, settings.places),
        ...(version.model.sha256 !== undefined && { sha256: version.model.sha256 }),
        serving,
        ...(version.golden && {
          golden: {
            uri: placed(model, `${version.name}, golden`, version.golden.uri, settings.places),
            tolerance: goldenTolerance(version),
          },
        }),
        table: settings.table,
        entry: 'none',
        ...(serving.protocols.includes('grpc') && { entryGrpc: 'none' }),
        direct: '127.0.0.1:0',
        admin: '127.0.0.1:0',
        drainDelayMs: 0,
        logLevel: settings.logLevel,
      };
      return [version.name, launch];
    }),
  );
}

/** Whether some version of it is served over gRPC. */
export function speaksGrpc(spec: ModelDeploymentSpec): boolean {
  return spec.versions.some((version) => runtimeServingOf(effectiveServing(spec, version)).protocols.includes('grpc'));
}

function placed(model: string, version: string, uri: string, places: Places): string {
  try {
    return localUri(uri, places);
  } catch (error) {
    if (!(error instanceof LocalError)) throw error;
    throw new LocalError(error.code, `${model}, version ${version}: ${error.message}`);
  }
}

/**
 * What the planner is asked for. On a laptop a version is one process, whatever `replicas` says.
 * @param leaving versions that still exist though the list no longer has them
 */
export function desiredOf({ metadata, spec }: ModelDeployment, leaving: readonly string[]): Desired {
  const shares = statedShares(spec);
  const listed = spec.versions.map((version) => ({
    name: version.name,
    share: shares.get(version.name) ?? 0,
    shadow: shadowPoints(version),
    size: 1,
  }));
  const dropped = leaving.map((name) => ({ name, share: 0, shadow: 0, size: 1, dropped: true }));
  return {
    model: metadata.name,
    versions: [...listed, ...dropped],
    ...(spec.cohort && { cohort: spec.cohort }),
    retireAfterMs: retireAfterMs(spec),
  };
}
