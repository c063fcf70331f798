/** Every status of a rollout that was ever stored, as a watch sees them. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { inject } from 'vitest';
import type { RolloutStatus } from '../../../api/status.ts';
import { eventually } from '../../cluster/harness/eventually.ts';
import type { Digits } from './digits.ts';

const FIELD = '{.status.rollout}{"\\n"}';

export class WalkWatch implements AsyncDisposable {
  readonly seen: RolloutStatus[] = [];
  readonly #began = Promise.withResolvers<void>();
  readonly #stop: () => Promise<void>;

  private constructor({ namespace }: Digits) {
    const args = ['--namespace', namespace, 'get', 'modeldeployment', 'digits', '--watch', '-o', `jsonpath=${FIELD}`];
    const env = { ...process.env, KUBECONFIG: inject('e2e').kubeconfig };
    const child = spawn('kubectl', args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    void closed.then(() => this.#began.reject(new Error('kubectl ended before it had told anything')));
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#began.resolve();
      if (line !== '') this.seen.push(JSON.parse(line) as RolloutStatus);
    });
    this.#stop = () => {
      child.kill();
      return closed;
    };
  }

  /** Comes back when it sees all that happens from now on. */
  static async of(digits: Digits): Promise<WalkWatch> {
    const watch = new WalkWatch(digits);
    // The object as it is comes first, as an empty line where it has walked nothing yet.
    await watch.#began.promise;
    return watch;
  }

  /** Waits until it has seen this: a watch trails a read. */
  async sees({ id, phase }: RolloutStatus): Promise<void> {
    await eventually(`the watch has seen that ${id} is ${phase}`, async () =>
      this.seen.some((rollout) => rollout.id === id && rollout.phase === phase),
    );
  }

  /** Steps of a walk in the order in which they were decided: `[0, 1, 2]` when none was taken twice. */
  steps(id: string): number[] {
    return this.#turnsOf(id, ({ step, movedAt }) => `${step} at ${movedAt}`).map(({ step }) => step);
  }

  /** Phases of a walk, one after the other. */
  phases(id: string): string[] {
    return this.#turnsOf(id, ({ phase }) => phase).map(({ phase }) => phase);
  }

  #turnsOf(id: string, key: (rollout: RolloutStatus) => string): RolloutStatus[] {
    const own = this.seen.filter((rollout) => rollout.id === id);
    return own.filter((rollout, index) => index === 0 || key(rollout) !== key(own[index - 1] as RolloutStatus));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }
}
