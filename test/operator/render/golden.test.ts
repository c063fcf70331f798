/** Rendered objects against the files under `golden/`; MODELSHIP_UPDATE_GOLDEN=1 writes them anew. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asYaml, withScales } from '../../../operator/render/text.ts';
import { CASES, GOLDEN_FOLDER, renderCase } from './cases.ts';

const UPDATE = process.env.MODELSHIP_UPDATE_GOLDEN === '1';

describe('golden files', () => {
  it.each(Object.entries(CASES))('%s', (name, golden) => {
    const text = asYaml(renderCase(golden).flatMap(({ objects, scales }) => withScales(objects, scales)));
    const file = join(GOLDEN_FOLDER, `${name}.yaml`);
    if (UPDATE) writeFileSync(file, text);
    expect(text, 'if the change is meant: MODELSHIP_UPDATE_GOLDEN=1 npx vitest run test/operator/render').toBe(
      readFileSync(file, 'utf8'),
    );
  });

  it('has no file that no case writes', () => {
    expect(readdirSync(GOLDEN_FOLDER).sort()).toEqual(
      Object.keys(CASES)
        .map((name) => `${name}.yaml`)
        .sort(),
    );
  });
});
