/** Every status of a rollout that was ever stored, as a watch sees them. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { inject } from 'vitest';
import type { RolloutStatus } from '../../../api/status.ts';
import type { Digits } from './digits.ts';

const FIELD = '{.status.rollout}{"\\n"}';

export class WalkWatch implements AsyncDisposable {
  readonly seen: RolloutStatus[] = [];
  readonly #stop: () => Promise<void>;

  constructor({ namespace }: Digits) {
    const args = ['--namespace', namespace, 'get', 'modeldeployment', 'digits', '--watch', '-o', `jsonpath=${FIELD}`];
    const env = { ...process.env, KUBECONFIG: inject('e2e').kubeconfig };
    const child = spawn('kubectl', args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line !== '') this.seen.push(JSON.parse(line) as RolloutStatus);
    });
    this.#stop = () => {
      child.kill();
      return closed;
    };
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
