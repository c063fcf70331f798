/** Asks a real API server what it makes of a manifest. */

import { CRD_NAME, crd } from '../../api/generate/crd.ts';
import { type Access, call, mustCall } from '../control-plane/access.ts';
import type { Fields } from './builders.ts';
import type { RuleCase } from './rule-cases.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const OBJECTS = '/apis/modelship.dev/v1alpha1/namespaces/default/modeldeployments';
const STRICT = 'dryRun=All&fieldValidation=Strict';

interface Condition {
  type: string;
  status: string;
  message: string;
}

/** Installs the CRD and waits until it is served. Throws when the API server finds it not structural. */
export async function installCrd(access: Access): Promise<void> {
  await mustCall(access, 'POST', DEFINITIONS, crd());
  for (let attempt = 0; attempt < 100; attempt++) {
    const { status } = (await mustCall(access, 'GET', `${DEFINITIONS}/${CRD_NAME}`)) as {
      status: { conditions?: Condition[] };
    };
    const bad = status.conditions?.find(({ type }) => type === 'NonStructuralSchema');
    if (bad) throw new Error(`the CRD is not structural: ${bad.message}`);
    // Established comes a moment before the objects' address answers.
    const served = await call(access, 'GET', OBJECTS);
    if (served.status === 200 && status.conditions?.some((c) => c.type === 'Established' && c.status === 'True'))
      return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the CRD was not served after 10 s');
}

/** What the API server says against a manifest; undefined when it accepts it. Nothing stays behind. */
export async function verdict(access: Access, { before, manifest }: RuleCase): Promise<string | undefined> {
  if (!before) return said(await call(access, 'POST', `${OBJECTS}?${STRICT}`, manifest));
  const created = (await mustCall(access, 'POST', OBJECTS, before)) as {
    metadata: { name: string; resourceVersion: string };
  };
  const { name, resourceVersion } = created.metadata;
  const metadata = { ...(manifest.metadata as Fields), resourceVersion };
  try {
    return said(await call(access, 'PUT', `${OBJECTS}/${name}?${STRICT}`, { ...manifest, metadata }));
  } finally {
    await mustCall(access, 'DELETE', `${OBJECTS}/${name}`);
  }
}

function said({ status, text }: { status: number; text: string }): string | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status >= 500) throw new Error(`${status} ${text}`);
  return (JSON.parse(text) as { message: string }).message;
}
