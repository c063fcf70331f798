/** Where a rollout stands is stored over what was read, and over nothing newer. */
import { describe, expect, test } from 'vitest';
import type { RolloutStatus, Status } from '../../../api/status.ts';
import { KubeError } from '../../../operator/kube/error.ts';
import { newMemory } from '../../../operator/reconcile/key-memory.ts';
import { newPass } from '../../../operator/reconcile/pass.ts';
import { type StateKeeper, storeState } from '../../../operator/reconcile/rollout-state.ts';
import type { StoredModelDeployment } from '../../../operator/reconcile/stored.ts';
import { stateOf } from '../../../operator/reconcile/walk.ts';
import { gathered, model, spec, UID } from './build.ts';
import { walkState } from './walk-build.ts';

const OLD = walkState({ message: 'old' });
const NEXT = walkState({ step: 1, since: undefined });

/** The API server's copy of one object, which knows preconditions, and a cache that may be behind it. */
class Server {
  md: StoredModelDeployment | undefined;
  readonly cached: StoredModelDeployment[] = [];
  readonly events: string[] = [];
  readonly writes: Status[] = [];
  /** Before the next write. */
  meanwhile: (() => void) | undefined;
  fail: KubeError | undefined;

  constructor(md: StoredModelDeployment) {
    this.md = md;
  }

  change(more: { status?: Status; generation?: number }): void {
    const { md } = this;
    if (!md) return;
    const resourceVersion = String(Number(md.metadata.resourceVersion) + 1);
    const { generation = md.metadata.generation ?? 1, status = md.status ?? {} } = more;
    this.md = { ...md, status, metadata: { ...md.metadata, resourceVersion, generation } };
  }

  keeper(): StateKeeper {
    const client = {
      get: async () => this.md,
      applyStatus: async (_: unknown, body: StoredModelDeployment) => {
        this.meanwhile?.();
        this.meanwhile = undefined;
        if (this.fail) throw this.fail;
        if (body.metadata.resourceVersion !== this.md?.metadata.resourceVersion) {
          throw new KubeError('Conflict', 'the object has been modified');
        }
        this.writes.push(body.status as Status);
        this.change({ status: body.status as Status });
        return this.md;
      },
    };
    return {
      client: client as unknown as StateKeeper['client'],
      caches: {
        models: { wrote: (o: StoredModelDeployment) => this.cached.push(o) },
      } as unknown as StateKeeper['caches'],
      events: { record: (_: unknown, { reason }: { reason: string }) => this.events.push(reason) } as never,
    };
  }
}

function setup(rollout: RolloutStatus | undefined = OLD) {
  const of = spec([{ name: 'v1' }]);
  const md = model(of, { status: { traffic: 'v1:100', ...(rollout && { rollout }) } });
  const server = new Server(md);
  const pass = newPass(gathered({ md }), { ok: true, data: { spec: of, leaving: [] } });
  const memory = newMemory(UID, 0);
  const store = (next = NEXT) => storeState(next, rollout, pass, memory, server.keeper());
  return { server, pass, memory, store };
}

describe('a state that is decided', () => {
  test('is stored beside all that was said before, told, and what the pass goes on with', async () => {
    const { server, pass, memory, store } = setup();
    expect(await store({ ...NEXT, since: '2026-01-01T00:01:00Z' })).toBe('stored');
    expect(server.writes).toEqual([{ traffic: 'v1:100', rollout: { ...NEXT, since: '2026-01-01T00:01:00Z' } }]);
    expect(server.events).toEqual(['RolloutStep']);
    expect(pass.gathered.md.metadata.resourceVersion).toBe('11');
    expect(pass.gathered.md.status?.rollout?.step).toBe(1);
    expect(memory.stored).toEqual({ version: '11', state: pass.gathered.md.status?.rollout });
    expect(server.cached.at(-1)).toBe(server.md);
  });

  test('is stored though somebody has written something else meanwhile', async () => {
    const { server, pass, store } = setup();
    server.meanwhile = () => server.change({ generation: 2 });
    expect(await store()).toBe('stored');
    expect(server.md?.status?.rollout).toEqual(NEXT);
    // The edit's event may be no news to the cache.
    expect(pass.lookAgain).toContain(0);
    expect(pass.gathered.md.metadata.generation).toBe(1);
  });

  test('is not stored over what another process has decided: the pass has to begin anew', async () => {
    const { server, memory, store } = setup();
    const theirs = walkState({ step: 2 });
    server.meanwhile = () => server.change({ status: { rollout: theirs } });
    expect(await store()).toBe('outdated');
    expect(server.md?.status?.rollout).toEqual(theirs);
    expect(server.writes).toEqual([]);
    expect(server.events).toEqual([]);
    expect(server.cached.at(-1)?.status?.rollout).toEqual(theirs);
    expect(memory.stored).toBeUndefined();
  });

  test('is not stored where the object is gone, or is another one', async () => {
    const { server, store } = setup();
    server.meanwhile = () => {
      server.md = undefined;
    };
    expect(await store()).toBe('outdated');
  });

  test('that cannot be written is an error to whoever wanted to act on it', async () => {
    const { server, store } = setup();
    server.fail = new KubeError('Unavailable', 'no route');
    expect(await store()).toBe(server.fail);
    expect(server.events).toEqual([]);
  });
});

describe('where a rollout stands', () => {
  const md = (resourceVersion: string, rollout: RolloutStatus | undefined): StoredModelDeployment => {
    const of = model(spec([{ name: 'v1' }]), { status: rollout ? { rollout } : {} });
    return { ...of, metadata: { ...of.metadata, resourceVersion } };
  };
  const mine = { ...newMemory(UID, 0), stored: { version: '12', state: NEXT } };

  test('is what the status says', () => {
    expect(stateOf(md('10', OLD), newMemory(UID, 0))).toEqual(OLD);
    expect(stateOf(md('12', OLD), mine)).toEqual(OLD);
    expect(stateOf(md('13', undefined), mine)).toBeUndefined();
  });

  test('unless this process has written something newer than the cache has', () => {
    expect(stateOf(md('9', OLD), mine)).toEqual(NEXT);
    expect(stateOf(md('11', undefined), mine)).toEqual(NEXT);
  });
});
