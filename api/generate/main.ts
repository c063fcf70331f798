/** Writes what is made from `api/`: the CRD, the editor schema, the reference page. `--check` compares only. */
import { crdYaml } from './crd.ts';
import { type Generated, generate } from './generated.ts';
import { editorSchemaText } from './json-schema.ts';
import { reference } from './reference.ts';

export const generatedFiles = (): Generated => ({
  'crds/modelship.dev_modeldeployments.yaml': crdYaml(),
  'docs/schema/modeldeployment.json': editorSchemaText(),
  'docs/reference/modeldeployment.md': reference(),
});

if (import.meta.main) await generate(generatedFiles());
