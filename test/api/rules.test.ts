import { describe, expect, it } from 'vitest';
import { modelDeploymentSchema, type SchemaNode } from '../../api/generate/notes.ts';
import type { ModelDeployment } from '../../api/model-deployment.ts';
import { parseModelDeployments } from '../../api/parse.ts';
import { refusedChanges } from '../../api/transition.ts';
import type { Fields } from './builders.ts';
import { FORMAT_CASES } from './format-cases.ts';
import { RULE_CASES, type RuleCase } from './rule-cases.ts';

const parsed = (manifest: Fields) => parseModelDeployments(JSON.stringify(manifest), 'case.json');

/** All that a file is refused for: what is wrong with it, then what may not have changed. */
function said({ before, manifest }: RuleCase): string[] {
  const { documents, problems } = parsed(manifest);
  const old = before && (parsed(before).documents[0] as ModelDeployment);
  const changes = old && documents[0] ? refusedChanges(documents[0], old) : [];
  return [
    ...problems.map(({ message, expected }) => (expected ? `${message}, expected ${expected}` : message)),
    ...changes.map(({ message }) => message),
  ];
}

describe('a manifest in a file', () => {
  for (const [name, rule] of Object.entries(RULE_CASES)) {
    it(`${rule.refused ? 'refuses' : 'accepts'} ${name}`, () => {
      const { refused } = rule;
      if (rule.before) expect(parsed(rule.before).problems).toEqual([]);
      if (refused === undefined) expect(said(rule)).toEqual([]);
      else expect(said(rule)).toContainEqual(expect.stringContaining(refused));
    });
  }
});

describe('a written form in a file', () => {
  for (const [name, { of, accepted, refused }] of Object.entries(FORMAT_CASES)) {
    it.each(accepted)(`accepts as ${name}: %j`, (value) => {
      expect(said({ manifest: of(value) })).toEqual([]);
    });
    it.each(refused)(`refuses as ${name}: %j`, (value) => {
      expect(said({ manifest: of(value) })).not.toEqual([]);
    });
  }
});

function ruleMessages(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  const own = (node as SchemaNode)['x-kubernetes-validations'] ?? [];
  return [...own.map(({ message }) => message), ...Object.values(node).flatMap(ruleMessages)];
}

it('refuses something by every rule of the CRD', () => {
  const refusals = Object.values(RULE_CASES).map(({ refused }) => refused ?? '');
  const untested = ruleMessages(modelDeploymentSchema('openapi-3.0')).filter(
    (message) => !refusals.some((refused) => refused !== '' && message.includes(refused)),
  );
  expect([...new Set(untested)]).toEqual([]);
});
