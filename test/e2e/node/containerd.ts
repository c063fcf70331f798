/** A node's containerd: images, containers and their network. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Servers } from '../../control-plane/servers.ts';
import { must } from '../../control-plane/tools.ts';
import { inNetwork, type NodeAddress } from './network.ts';

export const PAUSE_IMAGE = 'modelship.test/pause:1';
const NAMESPACE = 'k8s.io';

export interface Containerd {
  socket: string;
  /** Takes the images of an archive that `docker save` wrote. */
  importImages(archive: string): Promise<void>;
}

/** @param folder of the node */
export async function startContainerd(servers: Servers, node: NodeAddress, folder: string): Promise<Containerd> {
  const network = join(folder, 'cni');
  await mkdir(network, { recursive: true });
  await writeFile(join(network, '10-pods.conflist'), JSON.stringify(podNetwork(node, folder)));
  const socket = join(folder, 'containerd.sock');
  const config = join(folder, 'containerd.toml');
  await writeFile(config, configOf(folder, socket, network));
  const name = `containerd-${node.index}`;
  servers.run(name, ...inNetwork(node, 'containerd', ['--config', config]));
  const ctr = (...args: string[]): Promise<string> => must('ctr', ['--address', socket, '-n', NAMESPACE, ...args]);
  await servers.await(name, async () => (await ctr('version')).includes('Server'));
  return {
    socket,
    importImages: async (archive) => void (await ctr('images', 'import', archive)),
  };
}

/** Point-to-point links that the node routes between: what goes from a pod to a Service and back passes iptables. */
function podNetwork({ pods }: NodeAddress, folder: string) {
  const ipam = {
    type: 'host-local',
    ranges: [[{ subnet: pods }]],
    routes: [{ dst: '0.0.0.0/0' }],
    dataDir: join(folder, 'addresses'),
  };
  return {
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [
      { type: 'ptp', mtu: 1400, ipam },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}

/** `restrict_oom_score_adj`: without CAP_SYS_RESOURCE no sandbox starts else. `netns_mounts…`: all mounts are below `folder`. */
const configOf = (folder: string, socket: string, network: string): string => `version = 2
root = "${folder}/images"
state = "${folder}/state"
[grpc]
  address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${network}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
[plugins."io.containerd.internal.v1.opt"]
  path = "${folder}/opt"
`;
