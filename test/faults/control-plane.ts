/** A control plane of one's own with the CRD in it, for what runs outside of vitest. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { crdReady } from '../cluster/harness/crd.ts';
import type { Access } from '../control-plane/access.ts';
import type { ApiServer } from '../control-plane/handle.ts';
import { startControlPlane } from '../control-plane/start.ts';

const CRD_FILE = join(import.meta.dirname, '../../crds/modelship.dev_modeldeployments.yaml');

export interface OwnControlPlane {
  server: ApiServer;
  /** Of a user who may do everything. */
  access: Access;
}

export async function startOwnControlPlane(
  options: { nodes: number; audit?: boolean },
  log: (line: string) => void,
): Promise<OwnControlPlane> {
  const definition = parse(await readFile(CRD_FILE, 'utf8'));
  const prepare = (admin: Access): Promise<void> => crdReady(admin, definition);
  const server = await startControlPlane({ ...options, log, prepare });
  const ca = await readFile(server.caPath, 'utf8');
  return { server, access: { url: server.url, token: server.token, ca } };
}
