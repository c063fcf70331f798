/**
 * The network of the nodes: each node is a network namespace of its own on one bridge, and this machine, outside of all
 * of them, is the control plane's node and the world outside. What nodes do to iptables goes with their namespace.
 */
import { must } from '../../control-plane/tools.ts';

const BRIDGE = 'modelship-e2e';
const SUBNET = '10.88.250';

/** This machine, as nodes and pods reach it. */
export const OUTSIDE = `${SUBNET}.254`;
export const POD_RANGE = '10.244.0.0/16';
export const SERVICE_RANGE = '10.96.0.0/16';
export const DNS_ADDRESS = '10.96.0.10';

export interface NodeAddress {
  /** From 1. */
  index: number;
  /** Of the node and of its network namespace. */
  name: string;
  ip: string;
  pods: string;
}

export function nodeAddress(index: number): NodeAddress {
  return { index, name: `${BRIDGE}-${index}`, ip: `${SUBNET}.${index}`, pods: `10.244.${index}.0/24` };
}

/** A command line in the node's network; `ip netns exec` would also hide /sys/fs/cgroup. */
export const inNetwork = ({ name }: NodeAddress, command: string, args: readonly string[]): [string, string[]] => [
  'nsenter',
  [`--net=/run/netns/${name}`, '--', command, ...args],
];

/** Makes the bridge and the namespaces, with routes from everywhere to all pods, and from outside to the Services. */
export async function makeNetwork(nodes: readonly NodeAddress[]): Promise<void> {
  await ip(`link add ${BRIDGE} type bridge`);
  await ip(`addr add ${OUTSIDE}/24 dev ${BRIDGE}`);
  await ip(`link set ${BRIDGE} up`);
  for (const node of nodes) await makeNode(node);
  for (const node of nodes) {
    for (const other of nodes) {
      if (other !== node) await inside(node, `route add ${other.pods} via ${other.ip}`);
    }
    await ip(`route add ${node.pods} via ${node.ip}`);
  }
  const [first] = nodes;
  if (first) await ip(`route add ${SERVICE_RANGE} via ${first.ip}`);
}

async function makeNode(node: NodeAddress): Promise<void> {
  const link = `ms-e2e-${node.index}`;
  await ip(`netns add ${node.name}`);
  await ip(`link add ${link} type veth peer name eth0 netns ${node.name}`);
  await ip(`link set ${link} master ${BRIDGE} up`);
  await inside(node, 'link set lo up');
  await inside(node, `addr add ${node.ip}/24 dev eth0`);
  await inside(node, 'link set eth0 up');
  await inside(node, `route add default via ${OUTSIDE}`);
  const [command, args] = inNetwork(node, 'sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
  await must(command, args);
}

/** Removes what makeNetwork() made, and whatever of it is there. */
export async function removeNetwork(nodes: readonly NodeAddress[]): Promise<void> {
  for (const { name } of nodes) await ip(`netns del ${name}`).catch(() => undefined);
  await ip(`link del ${BRIDGE}`).catch(() => undefined);
}

const ip = (words: string): Promise<string> => must('ip', words.split(' '));
const inside = ({ name }: NodeAddress, words: string): Promise<string> => ip(`-n ${name} ${words}`);
