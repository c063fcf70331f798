/** From what the command line names to what is opened. */
import { dirname, resolve } from 'node:path';
import { effectiveCompare, runtimeServingOf } from '../../api/effective.ts';
import type { Launch } from '../../api/launch.ts';
import type { ModelDeployment, Version } from '../../api/model-deployment.ts';
import { formatProblems, parseModelDeployments } from '../../api/parse.ts';
import { launchesOf } from '../../local/accept.ts';
import { LocalError } from '../../local/errors.ts';
import { keptVersions } from '../../local/state.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import type { NamedText } from '../files.ts';
import type { Change, Stated } from './changes.ts';
import type { Examination, Subject } from './examine.ts';
import { keyOf, type Place, placesIn } from './places.ts';

/** The name of a bare file's model in URLs of its process; nobody sees it. */
const BARE = 'model';

/** @param base folder of what comes from standard input @throws CliError where a file is wrong */
export function statedIn(files: readonly NamedText[], base: string): Stated[] {
  return files.flatMap((file) => {
    const { documents, problems } = parseModelDeployments(file.text, file.name, { otherKinds: 'ignore' });
    if (problems.length > 0) {
      throw new CliError(`the manifest to compare with is wrong itself:\n${formatProblems(problems)}`, EXIT.usage);
    }
    const places = placesIn(file);
    const folder = file.name === '<stdin>' ? base : dirname(resolve(file.name));
    return documents.map((document): Stated => {
      const whole = { file: file.name, line: 1, column: 1, path: '' };
      return { document, folder, placeOf: places.get(keyOf(document.metadata)) ?? (() => whole) };
    });
  });
}

/** @throws LocalError VOLUME_MISSING: the command line lacks it */
export function examinationOf(change: Change, volumes: Readonly<Record<string, string>>): Examination {
  const { after, before, stable, versions, comparesSignatures, compare } = change;
  const { document } = after;
  const at = (index: number, field: string): Place => after.placeOf(['spec', 'versions', index, field]);
  const candidates = versions.map(({ version, index, why }) => ({
    ...subjectOf(version, document, after.folder, volumes, at(index, 'model')),
    why,
    goldenAt: at(index, 'golden'),
  }));
  return {
    deployment: document.metadata.name,
    stable: before && stable && stableSubject(stable, before, volumes),
    candidates,
    comparesSignatures,
    compare,
  };
}

function stableSubject(
  stable: Version,
  { document, folder, placeOf }: Stated,
  volumes: Readonly<Record<string, string>>,
) {
  const index = document.spec.versions.indexOf(stable);
  return subjectOf(stable, document, folder, volumes, placeOf(['spec', 'versions', index, 'model']));
}

function subjectOf(
  { name }: Version,
  document: ModelDeployment,
  base: string,
  volumes: Readonly<Record<string, string>>,
  at: Place,
): Subject {
  const kept = keptVersions(document).filter((version) => version.name === name);
  try {
    const settings = { places: { volumes, base }, table: '', logLevel: 'warn' as const };
    const launch = launchesOf(document.metadata.name, kept, settings).get(name) as Launch;
    return { name, launch, at };
  } catch (error) {
    if (!(error instanceof LocalError) || error.code === 'VOLUME_MISSING') throw error;
    return { name, launch: { code: error.code, message: error.message }, at };
  }
}

export interface BareFiles {
  model: string;
  against: string | undefined;
  golden: { uri: string; tolerance: number } | undefined;
}

/** Two files of a model, without a manifest. */
export function bareExamination({ model, against, golden }: BareFiles): Examination {
  const at = (file: string): Place => ({ file, line: 1, column: 1, path: '' });
  const launch = (file: string, version: string): Launch => ({
    model: BARE,
    version,
    uri: located(file),
    serving: runtimeServingOf({}),
    entry: 'none',
    direct: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    drainDelayMs: 0,
    logLevel: 'warn',
  });
  const candidate = launch(model, 'candidate');
  return {
    deployment: model,
    stable: against === undefined ? undefined : { name: against, launch: launch(against, 'served'), at: at(against) },
    candidates: [
      {
        name: model,
        launch: golden ? { ...candidate, golden: { ...golden, uri: located(golden.uri) } } : candidate,
        at: at(model),
        goldenAt: at(golden?.uri ?? model),
        why: 'given',
      },
    ],
    comparesSignatures: true,
    compare: effectiveCompare(undefined),
  };
}

export function located(file: string): string {
  return /^https?:\/\//.test(file) ? file : resolve(file);
}
