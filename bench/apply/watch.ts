/** What is stored in the cluster, and when a watch saw it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { TrafficTable } from '../../api/traffic-table.ts';

/** By `performance.now()`. */
interface Sight {
  at: number;
}

export interface Model extends Sight {
  generation: number;
  observed: number;
  /** The split in force, for people. */
  traffic: string;
}

export interface Touch extends Sight {
  pod: string;
  revision: number;
}

const FIELDS = {
  modeldeployments: '{.metadata.generation}|{.status.observedGeneration}|{.status.traffic}{"\\n"}',
  configmaps: '{.data.traffic\\.json}{"\\n"}',
  pods: '{.metadata.name}|{.metadata.annotations.modelship\\.dev/table-revision}{"\\n"}',
};

export class Watch implements Disposable {
  readonly models: Model[] = [];
  readonly tables: (Sight & { table: TrafficTable })[] = [];
  readonly touches: Touch[] = [];
  readonly #children: ChildProcess[] = [];

  constructor(kubeconfig: string, namespace: string) {
    const follow = (kind: keyof typeof FIELDS, seen: (line: string, at: number) => void): void => {
      const output = `jsonpath=${FIELDS[kind]}`;
      const args = ['--namespace', namespace, 'get', kind, '--watch', '--output', output];
      const env = { ...process.env, KUBECONFIG: kubeconfig };
      const child = spawn('kubectl', args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line !== '') seen(line, performance.now());
      });
      this.#children.push(child);
    };
    follow('modeldeployments', (line, at) => {
      const [generation, observed, traffic = ''] = line.split('|');
      this.models.push({ at, generation: Number(generation), observed: Number(observed), traffic });
    });
    follow('configmaps', (line, at) => this.tables.push({ at, table: JSON.parse(line) as TrafficTable }));
    follow('pods', (line, at) => {
      const [pod = '', annotation = ''] = line.split('|');
      this.touches.push({ at, pod, revision: Number(annotation.split('.')[0]) });
    });
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill();
  }
}
