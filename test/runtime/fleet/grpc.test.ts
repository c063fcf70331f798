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

/** Connections to the gRPC port that a process has, by what the system knows of its open files. */
function connections(pid: number, port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const inodes = rows.filter(([, at, , state]) => at?.endsWith(local) && state === '01').map((row) => row[9]);
  const open = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return [];
    }
  });
  return inodes.filter((inode) => open.includes(`socket:[${inode}]`)).length;
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
    expect(both.pids().map((pid) => connections(pid, both.entryGrpc))).toEqual([2, 2]);
    both.process.kill('SIGTERM');
    expect((await both.exit).code).toBe(0);
    await Promise.all(callers);
    expect(failed).toEqual([]);
    await gone(both.pids());
  });
});
