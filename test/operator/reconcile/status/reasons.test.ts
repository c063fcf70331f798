/** The catalogue of reasons, its page, and those who give reasons. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { MODEL_STATES, VERSION_PHASES } from '../../../../api/status.ts';
import { KUBE_ERROR_CODES } from '../../../../operator/kube/error.ts';
import { LOAD_STEPS, stepFor } from '../../../../operator/reconcile/status/blocked-by.ts';
import {
  ACCEPTANCE_REASONS,
  OBJECT_REASONS,
  REASONS,
  type Reason,
} from '../../../../operator/reconcile/status/reasons.ts';
import { LOAD_ERRORS } from '../../../../runtime/errors.ts';

const read = (path: string): string => readFileSync(path, 'utf8');
const page = read('docs/reference/status.md');

/** Rows of the table under a heading, cell by cell. */
function rowsUnder(heading: string): string[][] {
  const section = page.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe('docs/reference/status.md and the code say the same', () => {
  test('reasons: what each means and what to do', () => {
    expect(rowsUnder('Reasons')).toEqual(
      Object.entries(REASONS).map(([reason, { says, todo }]) => [`\`${reason}\``, says, todo || '—']),
    );
  });

  test('phases', () => {
    expect(rowsUnder('Phases').map(([phase]) => phase)).toEqual(VERSION_PHASES.map((phase) => `\`${phase}\``));
  });

  test('states of a model', () => {
    for (const state of MODEL_STATES) expect(page).toContain(`\`${state}\``);
  });
});

test('the groups of reasons do not share a name', () => {
  const names = read('operator/reconcile/status/reasons.ts').matchAll(/^ {2}([A-Z]\w+): \{/gm);
  const all = [...names].map(([, name]) => name);
  expect(new Set(all).size).toBe(all.length);
});

test('every refusal of rendering has its reason', () => {
  for (const file of ['gpu', 'model-uri', 'claim-template']) {
    const source = read(`operator/render/${file}.ts`);
    for (const [, reason] of source.matchAll(/reason: '(\w+)'/g))
      expect(ACCEPTANCE_REASONS).toHaveProperty([`${reason}`]);
  }
});

test('every code of a KubeError is a reason', () => {
  for (const code of KUBE_ERROR_CODES) expect(OBJECT_REASONS).toHaveProperty([code]);
});

test('every code of a load that failed has a next step', () => {
  expect(Object.keys(LOAD_STEPS)).toEqual([...LOAD_ERRORS]);
});

test('there is always a next step, and a word is short enough', () => {
  for (const reason of Object.keys(REASONS) as Reason[]) {
    expect(stepFor(reason)).not.toBe('');
    expect(reason).toMatch(/^[A-Z][A-Za-z]{1,63}$/);
  }
});
