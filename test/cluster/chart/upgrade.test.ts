/**
 * The CustomResourceDefinition from release to release, as docs/how-to/install.md tells it: one story, in order, on an API
 * server of its own, since there is one CRD for all.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { call, mustCall } from '../../control-plane/access.ts';
import { type ApiServer, startApiServer } from '../../control-plane/start.ts';
import { eventually, kubectl, type Ran, useCluster, useOther, useShared } from '../harness/cluster.ts';
import { digits } from '../harness/manifests.ts';
import { CHART, helm } from './helm.ts';

const NAME = 'modeldeployments.modelship.dev';
const CRD = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${NAME}`;
const CRD_FILE = join(import.meta.dirname, '../../../crds/modelship.dev_modeldeployments.yaml');
const DIGITS = '/apis/modelship.dev/v1alpha1/namespaces/team/modeldeployments/digits';

type Fields = Record<string, { properties?: Fields }>;
interface Definition {
  metadata: { uid: string; annotations?: Record<string, string> };
  spec: { versions: [{ schema: { openAPIV3Schema: { properties: Fields } } }] };
}

let server: ApiServer;
let folder: string;
/** The chart as it was before `spec.retireAfter` came. */
let older: string;
let uid: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'modelship-upgrade-'));
  older = join(folder, 'older');
  await cp(CHART, older, { recursive: true });
  const crd = parse(await readFile(join(CHART, 'files/crd.yaml'), 'utf8')) as Definition;
  delete fieldsOf(crd).retireAfter;
  await writeFile(join(older, 'files/crd.yaml'), stringify(crd));
  server = await startApiServer();
  useOther(server);
  for (const name of ['modelship', 'elsewhere', 'team']) {
    await mustCall(useCluster(), 'POST', '/api/v1/namespaces', { metadata: { name } });
  }
  // The first build of helm.
  expect((await helm(['version'])).code).toBe(0);
}, 300_000);
afterAll(useShared);
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

function fieldsOf({ spec }: Definition): Fields {
  return spec.versions[0].schema.openAPIV3Schema.properties.spec?.properties as Fields;
}

const stored = async (): Promise<Definition> => (await mustCall(useCluster(), 'GET', CRD)) as Definition;
const knowsTheField = async (): Promise<boolean> => 'retireAfter' in fieldsOf(await stored());

async function runs(...args: string[]): Promise<Ran> {
  const ran = await helm([...args, '--namespace', 'modelship'], server.kubeconfigPath);
  expect(ran).toMatchObject({ code: 0, err: '' });
  return ran;
}

/** The ModelDeployment of a user, which must be the same one all the time. */
async function kept(): Promise<{ retireAfter?: string }> {
  const object = (await mustCall(useCluster(), 'GET', DIGITS)) as { metadata: { uid: string }; spec: object };
  expect(object.metadata.uid).toBe(uid);
  return object.spec;
}

/** Has the user write it. A kind that has just come or changed is served a moment later. */
async function write(retireAfter?: string): Promise<void> {
  const input = JSON.stringify(digits({ spec: retireAfter === undefined ? {} : { retireAfter } }));
  await eventually('it is taken', async () => {
    const { code, err } = await kubectl(['apply', '--validate=strict', '-f', '-'], { namespace: 'team', input });
    if (code !== 0) throw new Error(err);
    return true;
  });
}

describe('a release before and one after a field came', () => {
  it('the older one refuses the field', async () => {
    await runs('install', 'modelship', older);
    await write();
    uid = ((await mustCall(useCluster(), 'GET', DIGITS)) as { metadata: { uid: string } }).metadata.uid;
    const object = digits({ namespace: 'team', spec: { retireAfter: '7s' } });
    const path = `${DIGITS}?fieldManager=user&fieldValidation=Strict&force=true`;
    const { status, text } = await call(useCluster(), 'PATCH', path, object, 'application/apply-patch+yaml');
    expect({ status, text }).toMatchObject({ status: 500, text: expect.stringMatching(/retireAfter.*not declared/) });
  });

  it('helm upgrade brings the field, and the ModelDeployment stays', async () => {
    await runs('upgrade', 'modelship', CHART);
    expect(await knowsTheField()).toBe(true);
    await kept();
    await write('7s');
    expect(await kept()).toMatchObject({ retireAfter: '7s' });
  });

  it('helm rollback takes the field back: it is hidden, and comes again with the next upgrade', async () => {
    await runs('rollback', 'modelship', '1');
    expect(await knowsTheField()).toBe(false);
    await eventually('the field is hidden', async () => !('retireAfter' in (await kept())));
    await runs('upgrade', 'modelship', CHART);
    await eventually('the field is there again', async () => (await kept()).retireAfter === '7s');
  });
});

describe('helm uninstall', () => {
  it('keeps the CustomResourceDefinition and the ModelDeployment', async () => {
    const { out } = await runs('uninstall', 'modelship');
    expect(out).toContain(`[CustomResourceDefinition] ${NAME}`);
    await kept();
    const left = await kubectl([
      'get',
      'deployments,serviceaccounts,roles,clusterroles',
      '-A',
      '-l',
      'app.kubernetes.io/part-of=modelship',
    ]);
    expect(left).toMatchObject({ code: 0, out: '' });
  });

  it('is undone by the same install: it takes over what was kept', async () => {
    await runs('install', 'modelship', CHART);
    await kept();
    await runs('uninstall', 'modelship');
  });

  it('leaves what another release may take over when told to, and not before', async () => {
    const install = ['install', 'models', CHART, '--namespace', 'elsewhere'];
    const refused = await helm(install, server.kubeconfigPath);
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/modeldeployments\.modelship\.dev.*cannot be imported.*meta\.helm\.sh\/release-name/s);
    const taken = await helm([...install, '--take-ownership'], server.kubeconfigPath);
    expect(taken).toMatchObject({ code: 0, err: '' });
    expect((await stored()).metadata.annotations).toMatchObject({ 'meta.helm.sh/release-name': 'models' });
    await kept();
    const { code } = await helm(['uninstall', 'models', '--namespace', 'elsewhere'], server.kubeconfigPath);
    expect(code).toBe(0);
    await kept();
  });
});

describe('crds.install=false', () => {
  it('makes none, upgrades none and takes none away', async () => {
    await mustCall(useCluster(), 'DELETE', CRD);
    await eventually('it is gone', async () => (await call(useCluster(), 'GET', CRD)).status === 404);
    await runs('install', 'modelship', CHART, '--set', 'crds.install=false');
    expect((await call(useCluster(), 'GET', CRD)).status).toBe(404);
    expect(await kubectl(['apply', '--server-side', '-f', CRD_FILE])).toMatchObject({ code: 0 });
    await write('7s');
    const { metadata } = await stored();
    await runs('upgrade', 'modelship', older, '--set', 'crds.install=false');
    expect(await knowsTheField()).toBe(true);
    await runs('uninstall', 'modelship');
    expect((await stored()).metadata.uid).toBe(metadata.uid);
  });

  it('may come later: the one that the chart made stays', async () => {
    await runs('install', 'modelship', CHART, '--take-ownership');
    const { metadata } = await stored();
    await runs('upgrade', 'modelship', CHART, '--set', 'crds.install=false');
    expect((await stored()).metadata.uid).toBe(metadata.uid);
    expect((await call(useCluster(), 'GET', DIGITS)).status).toBe(200);
  });
});

describe('crds.keep=false', () => {
  it('says what uninstalling will do, and does it', async () => {
    const { out } = await runs(
      'upgrade',
      'modelship',
      CHART,
      '--set',
      'crds.install=true,crds.keep=false',
      '--take-ownership',
    );
    expect(out).toContain('`helm uninstall` will delete every ModelDeployment');
    await runs('uninstall', 'modelship');
    await eventually('all is gone', async () => (await call(useCluster(), 'GET', DIGITS)).status === 404);
  });
});
