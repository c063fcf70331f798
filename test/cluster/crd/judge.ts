/** Asks the API server what it makes of a ModelDeployment. */

import type { Fields } from '../../api/builders.ts';
import type { RuleCase } from '../../api/rule-cases.ts';
import { type Access, call, mustCall } from '../../control-plane/access.ts';

const STRICT = 'dryRun=All&fieldValidation=Strict';

/** What the API server says against a manifest in `namespace`; undefined when it accepts it. Nothing stays behind. */
export async function verdict(
  access: Access,
  namespace: string,
  { before, manifest }: RuleCase,
): Promise<string | undefined> {
  const objects = `/apis/modelship.dev/v1alpha1/namespaces/${namespace}/modeldeployments`;
  if (!before) return said(await call(access, 'POST', `${objects}?${STRICT}`, manifest));
  const created = (await mustCall(access, 'POST', objects, before)) as {
    metadata: { name: string; resourceVersion: string };
  };
  const { name, resourceVersion } = created.metadata;
  const metadata = { ...(manifest.metadata as Fields), resourceVersion };
  try {
    return said(await call(access, 'PUT', `${objects}/${name}?${STRICT}`, { ...manifest, metadata }));
  } finally {
    await mustCall(access, 'DELETE', `${objects}/${name}`);
  }
}

function said({ status, text }: { status: number; text: string }): string | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status >= 500) throw new Error(`${status} ${text}`);
  return (JSON.parse(text) as { message: string }).message;
}
