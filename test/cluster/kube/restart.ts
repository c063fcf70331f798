/** Kills servers of a control plane and starts them again as they were. Needs /proc. */
import { cp, readdir, readFile, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Servers } from '../../control-plane/servers.ts';

interface Found {
  pid: number;
  command: string;
  args: string[];
}

/** The servers of one folder. Those that were started again end with this. */
export class Restarts implements AsyncDisposable {
  readonly #folder: string;
  readonly #servers: Servers;
  readonly #killed = new Map<string, Found>();
  #count = 0;

  private constructor(folder: string, servers: Servers) {
    this.#folder = folder;
    this.#servers = servers;
  }

  /** @param folder of the ApiServer */
  static async of({ folder }: { folder: string }): Promise<Restarts> {
    return new Restarts(folder, await Servers.open());
  }

  /** Kills it as a lost machine does. @param name `kube-apiserver`, `etcd` */
  async kill(name: string): Promise<void> {
    const found = await this.#find(name);
    process.kill(found.pid, 'SIGKILL');
    this.#killed.set(name, found);
    while (await this.#find(name).catch(() => undefined)) await sleep(20);
  }

  /** Starts what was killed, on the same port and data. */
  start(name: string): void {
    const found = this.#killed.get(name);
    if (!found) throw new Error(`${name} was not killed`);
    this.#servers.run(`${name}-${++this.#count}`, found.command, found.args);
  }

  /** Puts `from` in the place of `to`, both folders beside the servers' logs. */
  async copy(from: string, to: string): Promise<void> {
    await rm(`${this.#folder}/${to}`, { recursive: true, force: true });
    await cp(`${this.#folder}/${from}`, `${this.#folder}/${to}`, { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#servers.stop();
  }

  async #find(name: string): Promise<Found> {
    for (const entry of await readdir('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      const line = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
      const [command = '', ...args] = line.split('\0').slice(0, -1);
      if (basename(command) !== name || !args.some((arg) => arg.includes(`=${this.#folder}/`))) continue;
      return { pid: Number(entry), command, args };
    }
    throw new Error(`no ${name} runs in ${this.#folder}`);
  }
}
