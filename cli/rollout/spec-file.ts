/** Puts a spec into a YAML file, and leaves all else in it as it is. */
import { existsSync, readFileSync } from 'node:fs';
import { type Document, parseAllDocuments } from 'yaml';
import { KIND } from '../../api/model-deployment.ts';
import type { Manifest } from '../../operator/kube/object.ts';
import { asYaml } from '../../operator/render/text.ts';
import { CliError, EXIT } from '../exit-codes.ts';

/**
 * The text of the file with the spec of the manifest in place of that of the ModelDeployment of its name. Comments
 * outside of the spec stay. A file that is not there is made.
 * @throws CliError when the file is not YAML or has no such ModelDeployment
 */
export function specInto(file: string, manifest: Manifest): string {
  if (!existsSync(file)) return asYaml([manifest]);
  const documents = parseAllDocuments(readFileSync(file, 'utf8'));
  if (!Array.isArray(documents)) return asYaml([manifest]);
  const broken = documents.flatMap(({ errors }) => errors)[0];
  if (broken) throw unusable(file, `it is not YAML: ${broken.message}`);
  const { name } = manifest.metadata;
  const found = documents.find((each) => each.get('kind') === KIND && each.getIn(['metadata', 'name']) === name);
  if (!found) throw unusable(file, `it has no ModelDeployment ${name}`);
  (found as Document).set('spec', found.createNode(manifest.spec));
  return documents.map((each) => each.toString({ lineWidth: 0 })).join('');
}

function unusable(file: string, why: string): CliError {
  return new CliError(`cannot put the spec into ${file}: ${why}`, EXIT.usage, 'FileUnusable');
}
