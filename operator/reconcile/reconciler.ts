/**
 * One pass over one ModelDeployment: gather → accept → plan → execute → status. A pass starts from what the caches hold
 * and knows nothing of what happened; the status is written last, always, also when something before it failed.
 */
import { sameJson } from '../../core/equal.ts';
import { KubeError } from '../kube/error.ts';
import type { EventRecorder } from '../kube/events.ts';
import { keyText, parseKey } from '../kube/object.ts';
import type { Outcome } from '../kube/outcome.ts';
import type { RenderOptions } from '../render/input.ts';
import { accept } from './accept.ts';
import { problemOf } from './execute.ts';
import { gather, isThere } from './gather.ts';
import { type KeyMemory, newMemory } from './key-memory.ts';
import { newPass, outcomeOf, type Pass, retry } from './pass.ts';
import { keepHistory, remember } from './remember.ts';
import { writeStatus } from './say.ts';
import { type Keeper, serve } from './serve.ts';
import type { StoredModelDeployment } from './stored.ts';

export interface ReconcilerOptions extends Keeper {
  events: EventRecorder;
  /** As the cluster is now: which optional APIs it serves may change. */
  renderOptions(): RenderOptions;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #memories = new Map<string, KeyMemory>();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** @param key `NAMESPACE/NAME` */
  async reconcile(key: string): Promise<Outcome> {
    const { caches, clock, reports } = this.#options;
    const md = caches.models.get(parseKey(key));
    // What belongs to it goes with it: Kubernetes collects what its owner has left behind.
    if (!md || md.metadata.deletionTimestamp) {
      this.#memories.delete(key);
      reports.forget(key);
      return { kind: 'done' };
    }
    let memory = this.#memories.get(key);
    if (memory?.uid !== md.metadata.uid) memory = newMemory(md.metadata.uid, clock.now());
    this.#memories.set(key, memory);
    if (memory.ending) return { kind: 'done' };
    try {
      const pass = await this.#pass(md, memory);
      memory.ending = pass.errors.some(({ code }) => code === 'NamespaceTerminating');
      if (memory.ending) return retry(pass.errors);
      pass.lookAgain.push(...(await writeStatus(pass, md, memory, this.#options)));
      return outcomeOf(pass);
    } catch (error) {
      if (error instanceof KubeError) return retry([error]);
      throw error;
    }
  }

  async #pass(md: StoredModelDeployment, memory: KeyMemory): Promise<Pass> {
    const { caches, clock } = this.#options;
    const options = this.#options.renderOptions();
    const key = { ...md.metadata, text: keyText(md.metadata) };
    const gathered = gather(caches, key, md, memory, clock.wall());
    const [latest] = gathered.revisions;
    const before = memory.accepted ?? latest?.data;
    const acceptance = accept(md, before, (version) => isThere(gathered, version), options);
    const pass = newPass(gathered, acceptance);
    let data = acceptance.ok ? acceptance.data : before;
    // Before anything is done about it, so that whoever comes after knows what was being done.
    if (acceptance.ok && !sameJson(latest?.data, data)) {
      const error = await remember(acceptance.data, gathered, this.#options);
      if (error) {
        pass.errors.push(error);
        pass.problems.push(problemOf(`ControllerRevision ${md.metadata.name}`, error));
        data = before;
      }
    }
    if (!data) return pass;
    memory.accepted = data;
    await serve(data, pass, memory, options, this.#options);
    pass.errors.push(...(await keepHistory(gathered, this.#options)));
    return pass;
  }
}
