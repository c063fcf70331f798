/**
 * What the split costs: CPU of the process that splits, over a request that is its own and over one that it sends on.
 * `npm run bench:split`. Read the medians, and as ratios: machines are noisy.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TrafficTable } from '../api/traffic-table.ts';
import { ALL } from '../api/units.ts';
import { moveShares } from '../core/split.ts';
import type { Answer } from '../runtime/answer.ts';
import { realClock } from '../runtime/clock.ts';
import { VersionBook } from '../runtime/counters.ts';
import type { SplitRequest } from '../runtime/split.ts';
import { createTraffic, type Traffic } from '../runtime/traffic/traffic.ts';

const ROUNDS = 7;
const OWN_CALLS = 500_000;
const FORWARDS = 5_000;

const answer: Answer = { status: 200, headers: {}, body: '{}' };
const answered = Promise.resolve(answer);
const answerOwn = () => answered;

function requestWith(headers: Record<string, string>): SplitRequest {
  const body = Buffer.alloc(300, 0x20);
  const url = '/v2/models/digits/infer';
  return {
    method: 'POST',
    url,
    headers,
    body,
    pinned: undefined,
    deadline: Number.MAX_SAFE_INTEGER,
    onGone: () => () => {},
  };
}

/** A split of v1 (own) and v2 with these basis points for v2. */
async function splitOf(folder: string, share: number, { port, cohort }: { port?: number; cohort?: string }) {
  const file = path.join(folder, `${share}-${cohort ?? ''}.json`);
  const rows = moveShares(
    undefined,
    new Map([
      ['v1', ALL - share],
      ['v2', share],
    ]),
  );
  const table: TrafficTable = {
    model: 'digits',
    revision: 1,
    primary: 'v1',
    ...(cohort && { cohort: { header: cohort } }),
    versions: rows.map((row) => ({
      ...row,
      shadow: 0,
      ...(row.name === 'v2' && port && { address: { host: '127.0.0.1', http: port } }),
    })),
  };
  writeFileSync(file, JSON.stringify(table));
  const quiet = { info: () => {}, warn: () => {} };
  const counters = new VersionBook('v1');
  const options = { model: 'digits', ownVersion: 'v1', tableFile: file, clock: realClock, random: Math.random };
  const traffic = createTraffic({ ...options, logger: quiet, counters });
  await traffic.start();
  return traffic;
}

/** CPU nanoseconds of this process for each call. */
async function cpuOf(calls: number, run: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1_000) / calls;
}

async function inTurn(calls: number, call: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < calls; i++) await call();
}

const forwardsAt = (traffic: Traffic, callers: number) =>
  cpuOf(FORWARDS, async () => {
    const request = requestWith({ 'content-type': 'application/json' });
    const share = () =>
      inTurn(FORWARDS / callers, () => traffic.handle({ ...request, deadline: realClock.now() + 30_000 }, answerOwn));
    await Promise.all(Array.from({ length: callers }, share));
  });

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;

async function measure(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'modelship-bench-'));
  const canary = fork(import.meta.filename, ['canary']);
  const [port] = (await once(canary, 'message')) as [number];
  const all = await splitOf(folder, 0, {});
  const sticky = await splitOf(folder, 0, { cohort: 'x-user-id' });
  const away = await splitOf(folder, ALL, { port });
  const plain = requestWith({});
  const user = requestWith({ 'x-user-id': 'alice' });
  const measures: Record<string, () => Promise<number>> = {
    'own, without a split': () => cpuOf(OWN_CALLS, () => inTurn(OWN_CALLS, answerOwn)),
    'own, 100/0': () => cpuOf(OWN_CALLS, () => inTurn(OWN_CALLS, () => all.handle(plain, answerOwn))),
    'own, 100/0, cohort header': () => cpuOf(OWN_CALLS, () => inTurn(OWN_CALLS, () => sticky.handle(user, answerOwn))),
    'sent on, 1 at a time': () => forwardsAt(away, 1),
    'sent on, 16 at a time': () => forwardsAt(away, 16),
  };
  const results = new Map<string, number[]>(Object.keys(measures).map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, run] of Object.entries(measures)) {
      const ns = await run();
      if (round > 0) results.get(name)?.push(ns);
    }
    process.stderr.write(`round ${round} of ${ROUNDS}${round === 0 ? ' (warm-up)' : ''}\n`);
  }
  const base = median(results.get('own, without a split') as number[]);
  for (const [name, values] of results) {
    const [least, middle, most] = [Math.min(...values), median(values), Math.max(...values)];
    const text = [least, middle, most].map((ns) => ns.toFixed(0).padStart(8)).join('');
    process.stdout.write(
      `${name.padEnd(28)}${text} ns of CPU (min, median, max); ${(middle - base).toFixed(0)} over no split\n`,
    );
  }
  await Promise.all([all.stop(), sticky.stop(), away.stop()]);
  canary.kill();
  rmSync(folder, { recursive: true });
}

/** The other version: a bare server that answers at once. */
async function beCanary(): Promise<void> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.setHeader('content-type', 'application/json').end('{}'));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  process.send?.((server.address() as AddressInfo).port);
  process.on('disconnect', () => process.exit(0));
}

await (process.argv[2] === 'canary' ? beCanary() : measure());
