/** What a node takes beside Kubernetes' own: packages of Debian, and add-ons built from the Go modules pinned here. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { must, runs } from '../../control-plane/tools.ts';
import { BuildError, builtAt, cacheFolder, type GoProgram, type Log, runScript } from '../../go/build.ts';

const MODULES = join(import.meta.dirname, '../go');
const FLAGS = '-s -w';

const ADD_ONS = {
  coredns: 'github.com/coredns/coredns',
  'metrics-server': 'sigs.k8s.io/metrics-server/cmd/metrics-server',
} as const;
export type AddOn = keyof typeof ADD_ONS;

/** The path of the add-on, after building it where it is not there yet. */
export async function addOn(name: AddOn, log: Log = () => undefined): Promise<string> {
  const module = join(MODULES, name);
  const program: GoProgram = { name, module, main: ADD_ONS[name], linker: () => FLAGS, takes: 'a few minutes' };
  const folder = await cacheFolder(`node/${name}`, [{ folder: module, with: FLAGS }]);
  return builtAt(join(folder, name), program, log);
}

/** Packages of Debian, each with a file that it brings. */
const PACKAGES: Readonly<Record<string, string>> = {
  containerd: '/usr/bin/containerd',
  runc: '/usr/sbin/runc',
  'containernetworking-plugins': '/usr/lib/cni/ptp',
  iptables: '/usr/sbin/iptables',
  conntrack: '/usr/sbin/conntrack',
  iproute2: '/usr/sbin/ip',
  'docker.io': '/usr/sbin/dockerd',
  debootstrap: '/usr/sbin/debootstrap',
};

/** Installs those that are missing. @throws BuildError that says what to do */
export async function installPackages(log: Log = () => undefined): Promise<void> {
  const missing = Object.keys(PACKAGES).filter((name) => !existsSync(PACKAGES[name] as string));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !(await runs('apt-get', '--version')))
    throw new BuildError(`a node takes ${missing.join(', ')}: install them, or run as root on Debian`);
  log(`installing ${missing.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await must('apt-get', ['update', '-qq'], { env });
  await must('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], { env });
}

if (import.meta.main) {
  await runScript(async () => {
    for (const name of Object.keys(ADD_ONS) as AddOn[]) {
      process.stdout.write(`${await addOn(name, (line) => process.stderr.write(`${line}\n`))}\n`);
    }
  });
}
