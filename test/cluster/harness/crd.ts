import { type Access, call, mustCall } from '../../control-plane/access.ts';
import { eventually } from './eventually.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

interface Definition {
  metadata: { name: string };
  spec: { group: string; names: { plural: string }; versions: { name: string }[] };
  status?: { conditions?: { type: string; status: string; message: string }[] };
}

/** Installs a CustomResourceDefinition and waits until it is served. @throws Error when its schema is not structural */
export async function crdReady(access: Access, definition: Definition): Promise<void> {
  const { group, names, versions } = definition.spec;
  await mustCall(access, 'POST', DEFINITIONS, definition);
  await eventually(`${definition.metadata.name} is served`, async () => {
    const path = `${DEFINITIONS}/${definition.metadata.name}`;
    const { status } = (await mustCall(access, 'GET', path)) as Definition;
    const bad = status?.conditions?.find(({ type }) => type === 'NonStructuralSchema');
    if (bad) throw new Error(bad.message);
    // Established comes a moment before the objects' address answers.
    const served = await call(access, 'GET', `/apis/${group}/${versions[0]?.name}/${names.plural}`);
    return served.status === 200 && status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True');
  });
}
