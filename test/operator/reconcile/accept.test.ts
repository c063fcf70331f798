import { describe, expect, test } from 'vitest';
import { accept } from '../../../operator/reconcile/accept.ts';
import { revisionName, revisionObject, revisionsOf, surplus } from '../../../operator/reconcile/revision.ts';
import { model, spec, stored, UID } from './build.ts';

const OPTIONS = { runtimeImage: 'runtime:1' };
const all = () => true;
const none = () => false;
const two = spec([
  { name: 'v1', traffic: 90 },
  { name: 'v2', traffic: 10 },
]);
const one = spec([{ name: 'v2', traffic: 100 }]);

describe('a spec is taken', () => {
  test('the first', () => {
    expect(accept(model(two), undefined, none, OPTIONS)).toEqual({
      ok: true,
      data: { spec: two, leaving: [] },
    });
  });

  test('again', () => {
    const before = { spec: two, leaving: [] };
    expect(accept(model(structuredClone(two)), before, all, OPTIONS)).toEqual({ ok: true, data: before });
  });

  test('with what it takes to run on a version that it drops', () => {
    const accepted = accept(model(one), { spec: two, leaving: [] }, all, OPTIONS);
    expect(accepted).toMatchObject({ ok: true, data: { leaving: [{ name: 'v1', serving: {} }] } });
  });

  test('with its golden requests: without them its pods would be replaced as they leave', () => {
    const golden = { uri: 'configmap://golden/digits.json' };
    const before = structuredClone(two);
    Object.assign(before.versions[0] as object, { golden });
    const accepted = accept(model(one), { spec: before, leaving: [] }, all, OPTIONS);
    expect(accepted).toMatchObject({ ok: true, data: { leaving: [{ name: 'v1', golden }] } });
  });

  test('without a version that it drops and that is gone', () => {
    expect(accept(model(one), { spec: two, leaving: [] }, none, OPTIONS)).toMatchObject({ data: { leaving: [] } });
  });

  test('with a version that is still leaving from the change before', () => {
    const leaving = [{ name: 'v0', model: { uri: 's3://m/0' }, serving: {} }];
    const accepted = accept(model(one), { spec: two, leaving }, all, OPTIONS);
    expect(accepted.ok && accepted.data.leaving.map(({ name }) => name)).toEqual(['v1', 'v0']);
  });

  test('that brings back a version before it has retired, with its own model', () => {
    const leaving = [{ name: 'v1', model: { uri: 's3://models/digits/v1.onnx' }, serving: {} }];
    expect(accept(model(two), { spec: one, leaving }, all, OPTIONS)).toMatchObject({ ok: true, data: { leaving: [] } });
  });
});

describe('a spec is refused, and what was taken before goes on', () => {
  const before = { spec: one, leaving: [{ name: 'v1', model: { uri: 's3://models/digits/other.onnx' }, serving: {} }] };

  test('a name that comes back with another model before it has retired', () => {
    const refused = accept(model(two), before, all, OPTIONS);
    expect(refused).toMatchObject({ ok: false, reason: 'VersionReused', before });
    expect(accept(model(two), before, none, OPTIONS)).toMatchObject({ ok: true });
  });

  test('a file of a laptop', () => {
    const local = spec([{ name: 'v1', uri: './model.onnx' }]);
    expect(accept(model(local), undefined, none, OPTIONS)).toMatchObject({
      ok: false,
      reason: 'LocalModel',
      before: undefined,
    });
  });

  test('a spec that an older CRD let through', () => {
    const odd = { ...two, versions: [{ name: 'v1' }] } as never;
    expect(accept(model(odd), before, all, OPTIONS)).toMatchObject({ ok: false, reason: 'InvalidSpec', before });
  });
});

describe('history', () => {
  test('the same data has the same name, other data another', () => {
    const name = revisionName('digits', { spec: two, leaving: [] });
    expect(name).toMatch(/^digits-[0-9a-f]{10}$/);
    expect(revisionName('digits', { leaving: [], spec: structuredClone(two) })).toBe(name);
    expect(revisionName('digits', { spec: one, leaving: [] })).not.toBe(name);
  });

  test('newest first, only ours, and all but ten are surplus', () => {
    const objects = Array.from({ length: 12 }, (_, i) =>
      stored('ControllerRevision', `digits-${i}`, { revision: i + 1, data: { spec: two, leaving: [] } }),
    );
    const foreign = stored('ControllerRevision', 'digits-x', { revision: 99, data: { spec: two, leaving: [] } });
    foreign.metadata.ownerReferences = [];
    const odd = stored('ControllerRevision', 'digits-y', { revision: 98, data: { note: 'not ours' } });
    const found = revisionsOf([foreign, ...objects, odd], UID);
    expect(found.map(({ revision }) => revision)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    expect(surplus(found).map(({ revision }) => revision)).toEqual([2, 1]);
  });

  test('the object belongs to the ModelDeployment', () => {
    const object = revisionObject(model(two), { spec: two, leaving: [] }, 3, '2026-01-01T00:00:00Z');
    expect(object).toMatchObject({
      kind: 'ControllerRevision',
      revision: 3,
      metadata: { namespace: 'models', ownerReferences: [{ uid: UID, controller: true }] },
    });
  });
});
