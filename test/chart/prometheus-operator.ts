/** The CRDs of the Prometheus operator, read from the Go module pinned beside this file. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { go } from '../go/build.ts';

const MODULE = 'github.com/prometheus-operator/prometheus-operator';
const PINS = join(import.meta.dirname, 'go/prometheus-operator');

/** @param plurals such as `podmonitors` */
export async function monitoringCrds(...plurals: string[]): Promise<object[]> {
  const downloaded = await go(['mod', 'download', '-json', MODULE], PINS, "the Prometheus operator's CRDs");
  const folder = join((JSON.parse(downloaded) as { Dir: string }).Dir, 'example/prometheus-operator-crd');
  const fileOf = (plural: string): string => join(folder, `monitoring.coreos.com_${plural}.yaml`);
  return Promise.all(plurals.map(async (plural) => parse(await readFile(fileOf(plural), 'utf8')) as object));
}
