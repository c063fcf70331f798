/** On an API server of its own, because the CRD is there for all. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RESOURCE_API } from '../../../operator/render/claim-template.ts';
import type { KubeObject } from '../../../operator/render/objects.ts';
import { MONITORING_API } from '../../../operator/render/pod-monitor.ts';
import type { Access } from '../../control-plane/access.ts';
import { type ApiServer, startApiServer } from '../../control-plane/start.ts';
import { CASES, type Case, readManifest, renderOne } from '../../operator/render/cases.ts';
import { crdReady } from '../harness/crd.ts';
import { servedKinds } from '../harness/objects.ts';
import { POD_MONITOR_CRD } from '../harness/pod-monitor-crd.ts';
import { tryOut } from './surroundings.ts';

let server: ApiServer;
let access: Access;

beforeAll(async () => {
  server = await startApiServer();
  access = { url: server.url, token: server.token, ca: await readFile(server.caPath, 'utf8') };
});
afterAll(() => server?.stop());

/** The objects of the case with a PodMonitor, rendered for what this API server serves. */
async function rendered(): Promise<readonly KubeObject[]> {
  const { manifest, options } = CASES.installation as Case;
  const served = new Set<string>();
  for (const api of [RESOURCE_API, MONITORING_API]) if ((await servedKinds(access, api)).length > 0) served.add(api);
  return readManifest(manifest).flatMap(
    (md) => renderOne(md, { ...options, namespace: 'default', servedApis: served }).objects,
  );
}

async function refused(objects: readonly KubeObject[]): Promise<string[]> {
  const answers = await Promise.all(objects.map((object) => tryOut(access, object, 'default')));
  return answers.filter(({ status }) => status > 299).map(({ text }) => text);
}

it('is left out where no PodMonitors are served, rendered and taken where they are', async () => {
  const without = await rendered();
  expect(without.map(({ kind }) => kind)).not.toContain('PodMonitor');
  expect(await refused(without)).toEqual([]);

  await crdReady(access, POD_MONITOR_CRD);
  const whole = await rendered();
  expect(whole.map(({ kind }) => kind)).toContain('PodMonitor');
  expect(whole.length).toBe(without.length + 1);
  expect(await refused(whole)).toEqual([]);
});
