/** What is asked for when a control plane is started, and what comes back. */
import { join } from 'node:path';
import { type Access, type Users, writeKubeconfig } from './access.ts';
import { auditLogPath } from './audit.ts';
import type { Binary } from './build.ts';
import type { NodeSpec } from './controllers.ts';
import type { Servers } from './servers.ts';

export interface StartOptions {
  /** Gets a line for each slow step: a build, a server that is ready. */
  log?: (line: string) => void;
  /** Extra flags for a server, after its own, so that they win: `{'kube-apiserver': ['--v=4']}`. */
  flags?: Partial<Record<Binary, readonly string[]>>;
  /** Has every request logged to the file `auditLogPath`, without its body. */
  audit?: boolean;
}

export interface ControlPlaneOptions extends StartOptions {
  /** How many plain nodes, or which; default 1. */
  nodes?: number | readonly NodeSpec[];
  /**
   * Is called when the API server is ready and before its controllers start: the place to install CRDs. The garbage
   * collector takes up to 30 s to notice a kind that comes later, and till then it collects nothing of such an owner.
   */
  prepare?: (admin: Access) => Promise<void>;
}

export interface RealOptions extends StartOptions {
  /** Where the API server listens: an address of this machine that the nodes' pods reach. */
  address: string;
  /** More users, by name, with their groups. */
  users: Users;
}

export interface RealControlPlane {
  server: ApiServer;
  /** Where the processes of nodes are to run: they end with the control plane. */
  servers: Servers;
  admin: Access;
  /** How each user calls the API server. */
  users: ReadonlyMap<string, Access>;
}

/** A running API server. Its user is in system:masters; for another, impersonate or make a ServiceAccount's token. */
export interface ApiServer extends AsyncDisposable {
  url: string;
  kubeconfigPath: string;
  token: string;
  caPath: string;
  /** A line of JSON a request, there before its answer; undefined unless asked for. */
  auditLogPath: string | undefined;
  /** Holds all of the above, and the log of each server as NAME.log. */
  folder: string;
  /** Kills the servers and removes the folder. */
  stop(): Promise<void>;
}

export async function handle(servers: Servers, admin: Access, audit = false): Promise<ApiServer> {
  const { folder } = servers;
  const kubeconfigPath = join(folder, 'kubeconfig');
  await writeKubeconfig(kubeconfigPath, admin);
  const stop = (): Promise<void> => servers.stop();
  return {
    url: admin.url,
    token: admin.token,
    kubeconfigPath,
    caPath: join(folder, 'ca.crt'),
    auditLogPath: audit ? auditLogPath(folder) : undefined,
    folder,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
