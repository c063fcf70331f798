import { expect, test } from 'vitest';
import type { Caches } from '../../../operator/reconcile/caches.ts';
import { newMemory } from '../../../operator/reconcile/key-memory.ts';
import { newPass } from '../../../operator/reconcile/pass.ts';
import { type Teller, writeStatus } from '../../../operator/reconcile/say.ts';
import type { StoredModelDeployment } from '../../../operator/reconcile/stored.ts';
import { FakeClock } from '../kube/fake-clock.ts';
import { gathered, model, spec, UID } from './build.ts';

/** @param answer what the API server returns for the status */
function teller(clock: FakeClock, answer: StoredModelDeployment, written: StoredModelDeployment[]): Teller {
  const caches = { find: () => undefined, nodes: { list: () => [] }, models: { wrote: (o: never) => written.push(o) } };
  return {
    clock,
    caches: caches as unknown as Caches,
    client: { applyStatus: async () => answer } as unknown as Teller['client'],
    events: { record() {} } as unknown as Teller['events'],
  };
}

const of = spec([{ name: 'v1' }]);
const md = model(of);
const refused = () => newPass(gathered({ md }), { ok: false, reason: 'LocalModel', message: 'no', before: undefined });

test('an edit that comes in with the answer to the status is looked at again: its event will be no news', async () => {
  const clock = new FakeClock();
  const written: StoredModelDeployment[] = [];
  const edited = { ...md, metadata: { ...md.metadata, generation: 2, resourceVersion: '12' } };
  expect(await writeStatus(refused(), md, newMemory(UID, clock.now()), teller(clock, edited, written))).toContain(0);
  expect(written).toEqual([edited]);
  expect(await writeStatus(refused(), md, newMemory(UID, clock.now()), teller(clock, md, written))).toEqual([]);
});

test('what comes up is first told after a second, or when there is more to say', async () => {
  const clock = new FakeClock();
  const written: StoredModelDeployment[] = [];
  const starting = () => newPass(gathered({ md }), { ok: true, data: { spec: of, leaving: [] } });
  const memory = newMemory(UID, clock.now());
  const tell = () => writeStatus(starting(), md, memory, teller(clock, md, written));
  expect(await tell()).toEqual([1_000]);
  expect(written).toEqual([]);
  await clock.advance(1_000);
  expect(await tell()).toEqual([]);
  expect(written).toHaveLength(1);
});
