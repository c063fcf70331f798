/**
 * One pass over one ModelDeployment: gather → accept → plan → execute → status. A pass starts from what the caches hold
 * and knows nothing of what happened; the status is written last, always, also when something before it failed. A pass that
 * stops halfway is the one exception: the next one, which is due at once, ends it.
 */
import { sameJson } from '../../core/equal.ts';
import { KubeError } from '../kube/error.ts';
import { keyText, parseKey } from '../kube/object.ts';
import type { Outcome } from '../kube/outcome.ts';
import type { RenderOptions } from '../render/input.ts';
import { accept } from './accept.ts';
import { servesIn } from './decide.ts';
import { problemOf } from './execute.ts';
import { gather, isThere } from './gather.ts';
import { type KeyMemory, newMemory } from './key-memory.ts';
import { newPass, outcomeOf, type Pass, retry, turnOf } from './pass.ts';
import { keepHistory, remember } from './remember.ts';
import { writeStatus } from './say.ts';
import { type Keeper, serve } from './serve.ts';
import type { StoredModelDeployment } from './stored.ts';

export interface ReconcilerOptions extends Keeper {
  /** As the cluster is now: which optional APIs it serves may change. */
  renderOptions(): RenderOptions;
}

/** After a pass that found out that another process had gone on: the cache has been told. */
const OUTDATED_MS = 100;

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #memories = new Map<string, KeyMemory>();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** @param key `NAMESPACE/NAME` */
  async reconcile(key: string): Promise<Outcome> {
    const { caches, clock, reports, queries } = this.#options;
    const md = caches.models.get(parseKey(key));
    // What belongs to it goes with it: Kubernetes collects what its owner has left behind.
    if (!md || md.metadata.deletionTimestamp) {
      this.#memories.delete(key);
      reports.forget(key);
      queries?.forget(key);
      return { kind: 'done' };
    }
    let memory = this.#memories.get(key);
    if (memory?.uid !== md.metadata.uid) memory = newMemory(md.metadata.uid, clock.now());
    this.#memories.set(key, memory);
    if (memory.ending) return { kind: 'done' };
    try {
      const pass = await this.#pass(md, memory);
      if (pass.outdated) return { kind: 'after', ms: OUTDATED_MS };
      if (pass.halfway && pass.errors.length === 0) return turnOf(pass.rollout?.state);
      memory.ending = pass.errors.some(({ code }) => code === 'NamespaceTerminating');
      if (memory.ending) return retry(pass.errors);
      pass.lookAgain.push(...(await writeStatus(pass, pass.gathered.md, memory, this.#options)));
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
    // What has traffic counts as there, also where a hand has deleted its Deployment.
    const exists = (version: string) => isThere(gathered, version) || servesIn(gathered.table, version);
    const acceptance = accept(md, before, exists, options);
    const pass = newPass(gathered, acceptance);
    let data = acceptance.ok ? acceptance.data : before;
    // Before anything is done about it, so that whoever comes after knows what was being done.
    if (acceptance.ok && !sameJson(latest?.data, data)) {
      const error = await remember(acceptance.data, gathered, this.#options);
      if (error) {
        pass.errors.push(error);
        if (error.code === 'NamespaceTerminating') return pass;
        pass.problems.push(problemOf(`ControllerRevision ${md.metadata.name}`, error));
        data = before;
      }
    }
    if (!data) return pass;
    memory.accepted = data;
    await serve(data, pass, memory, options, this.#options);
    if (!pass.outdated) pass.errors.push(...(await keepHistory(gathered, this.#options)));
    return pass;
  }
}
