import { describe, expect, it } from 'vitest';
import { gitOpsTool, specOwner } from '../../../cli/rollout/manager.ts';
import { mergePatch } from '../../../cli/rollout/merge-patch.ts';
import type { StoredMetadata } from '../../../operator/kube/object.ts';

const SPEC = { 'f:spec': { 'f:versions': {} } };
const entry = (manager: string, fieldsV1: object = SPEC, operation = 'Apply', subresource?: string) => ({
  manager,
  operation,
  fieldsV1,
  ...(subresource && { subresource }),
});
const metadata = (managedFields: object[], fields: Partial<StoredMetadata> = {}): StoredMetadata => ({
  name: 'digits',
  uid: 'u',
  resourceVersion: '1',
  creationTimestamp: '',
  managedFields,
  ...fields,
});

describe('the GitOps tool', () => {
  it.each<[string, StoredMetadata, string | undefined]>([
    ['Argo CD by its manager', metadata([entry('argocd-controller')]), 'Argo CD'],
    ['Flux by its manager', metadata([entry('kustomize-controller')]), 'Flux'],
    ['Helm of Flux', metadata([entry('helm-controller', SPEC, 'Update')]), 'Flux'],
    [
      'Argo CD by its tracking annotation',
      metadata([entry('kubectl')], { annotations: { 'argocd.argoproj.io/tracking-id': 'x' } }),
      'Argo CD',
    ],
    ['Flux by its labels', metadata([], { labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps' } }), 'Flux'],
    ['a person', metadata([entry('kubectl'), entry('modelship', { 'f:status': {} }, 'Apply', 'status')]), undefined],
    ['one that only labels it', metadata([entry('argocd-controller', { 'f:metadata': {} })]), undefined],
  ])('is seen: %s', (_, object, tool) => {
    expect(gitOpsTool(object)).toBe(tool);
  });
});

describe('the owner of the spec', () => {
  it('is who holds most of it, with the labels and annotations of theirs', () => {
    const own = { 'f:metadata': { 'f:labels': { '.': {}, 'f:team': {} }, 'f:annotations': { 'f:a.b/c': {} } } };
    const little = entry('kubectl-edit', { 'f:spec': { 'f:retireAfter': {} } }, 'Update');
    const much = entry('ci', { ...own, 'f:spec': { 'f:versions': { 'k:{"name":"v1"}': {} } } });
    expect(specOwner(metadata([little, much]))).toEqual({
      manager: 'ci',
      operation: 'Apply',
      labels: ['team'],
      annotations: ['a.b/c'],
    });
    expect(specOwner(metadata([]))).toBeUndefined();
  });
});

describe('a merge patch', () => {
  it.each<[string, Record<string, unknown>, Record<string, unknown>, object]>([
    ['nothing', { a: { b: [1] } }, { a: { b: [1] } }, {}],
    ['what is new, gone and other', { a: 1, b: 2, c: 3 }, { a: 1, b: 4, d: 5 }, { b: 4, c: null, d: 5 }],
    ['inside of objects', { a: { x: 1, y: 2 } }, { a: { x: 1 } }, { a: { y: null } }],
    ['lists as a whole', { a: [1, 2] }, { a: [1] }, { a: [1] }],
  ])('says %s', (_, from, to, patch) => {
    expect(mergePatch(from, to)).toEqual(patch);
  });
});
