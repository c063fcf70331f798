/** gRPC connections are few and last: that they are dealt out evenly matters more than for any other. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { startWith } from '../child.ts';
import { clientOf, INFERENCE, rawDigits } from '../grpc/support.ts';
import { servingWith } from '../harness.ts';
import { gone, type Replica, withHead } from './replica.ts';

async function grpcReplica(): Promise<Replica & { entryGrpc: number }> {
  const serving = servingWith({ execution: { cores: 2, processes: 2 }, protocols: ['rest', 'grpc'] });
  const child = startWith({ serving, entryGrpc: '127.0.0.1:0', directGrpc: '127.0.0.1:0' });
  const { entry, direct, admin, entryGrpc } = await child.logged('listening');
  await child.logged('ready');
  const ports = { entry: Number(entry), direct: Number(direct), admin: Number(admin) };
  return { ...withHead(child, ports), entryGrpc: Number(entryGrpc) };
}

interface Connection {
  local: number;
  remote: number;
}

/** The established ones of a process, by what the system knows of its open files. */
function connectionsOf(pid: number): Connection[] {
  const open = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
      } catch {
        return [];
      }
    }),
  );
  const portOf = (address = ''): number => Number.parseInt(address.slice(address.indexOf(':') + 1), 16);
  return readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, ...rest]) => state === '01' && open.has(`socket:[${rest[5]}]`))
    .map(([, local, remote]) => ({ local: portOf(local), remote: portOf(remote) }));
}

/** How many connections of this process each has at its port. Whoever else may knock there is not counted. */
function dealtTo(pids: readonly number[], port: number): number[] {
  const ours = new Set(connectionsOf(process.pid).flatMap(({ local, remote }) => (remote === port ? [local] : [])));
  return pids.map((pid) => connectionsOf(pid).filter(({ local, remote }) => local === port && ours.has(remote)).length);
}

describe('two processes', () => {
  test('serve gRPC on one port; SIGTERM loses no call', async () => {
    const both = await grpcReplica();
    const answered = [0, 0, 0, 0];
    const failed: unknown[] = [];
    const caller = async (_: number, index: number) => {
      const client = clientOf(`127.0.0.1:${both.entryGrpc}`, INFERENCE);
      for (;;) {
        try {
          const { message } = await client.call('ModelInfer', rawDigits());
          expect(message.model_version).toBe('v1');
          answered[index] = (answered[index] ?? 0) + 1;
        } catch (error) {
          // Nobody is there any more. It is no call that was taken and lost.
          if (!/ECONNREFUSED/.test(String(error))) failed.push(error);
          return;
        }
      }
    };
    const callers = answered.map(caller);
    // Each of them, so that all have their connections.
    await expect.poll(() => Math.min(...answered), { timeout: 20_000 }).toBeGreaterThan(50);
    expect(dealtTo(both.pids(), both.entryGrpc)).toEqual([2, 2]);
    both.process.kill('SIGTERM');
    expect((await both.exit).code).toBe(0);
    await Promise.all(callers);
    expect(failed).toEqual([]);
    await gone(both.pids());
  });
});
