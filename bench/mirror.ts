/**
 * What mirroring costs users: latency of their requests and CPU of the process that answers them, with none, a tenth and
 * all of them copied, to a version that is quick and to one that takes 200 ms. The load is open: so many requests a
 * second, whatever becomes of the others. `node bench/mirror.ts [REQUESTS_A_SECOND]`. Read the medians, and as ratios.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request as post } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { runtimeServingOf } from '../api/effective.ts';
import { type Launch, launchArgs } from '../api/launch.ts';
import type { PodReport } from '../api/pod-report.ts';
import type { TrafficTable } from '../api/traffic-table.ts';
import { ALL } from '../api/units.ts';
import { RUNTIME } from '../test/programs.ts';

// An end by a signal is an end, too: no runtime outlives the benchmark.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const ROUNDS = 7;
const SECONDS = 3;
const SLOW_MS = 200;
const RATE = Number(process.argv[2] ?? 300);
const MODEL = 'digits';
const ROW = Array.from({ length: 64 }, (_, i) => i % 17);
const BODY = JSON.stringify({ inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64], data: ROW }] });

interface Started {
  child: ChildProcess;
  entry: number;
  direct: number;
  admin: number;
}

async function start(version: string, table?: string): Promise<Started> {
  const any = '127.0.0.1:0';
  const launch: Launch = {
    model: MODEL,
    version,
    uri: 'examples/digits/models/1/model.onnx',
    ...(table && { table }),
    entry: any,
    direct: any,
    admin: any,
    drainDelayMs: 0,
    logLevel: 'info',
    serving: runtimeServingOf({ protocols: ['rest'] }),
  };
  const child = spawn(process.execPath, [RUNTIME, ...launchArgs(launch)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  let ports: Omit<Started, 'child'> | undefined;
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const { msg, entry, direct, admin } = JSON.parse(line);
    if (msg === 'listening') ports = { entry, direct, admin };
    if (msg === 'ready') break;
  }
  child.stdout?.resume();
  return { child, ...(ports as Omit<Started, 'child'>) };
}

/** A version that takes its time, and then has no answer worth comparing. */
async function slowVersion(): Promise<number> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => setTimeout(() => response.writeHead(500).end('{}'), SLOW_MS).unref());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  server.unref();
  return (server.address() as AddressInfo).port;
}

let revision = 0;

async function mirror({ admin }: Started, file: string, shadow: number, http: number): Promise<void> {
  const table: TrafficTable = {
    model: MODEL,
    revision: ++revision,
    primary: 'v1',
    versions: [
      { name: 'v1', share: ALL, ranges: [[0, ALL]], shadow: 0 },
      { name: 'v2', share: 0, ranges: [], shadow, address: { host: '127.0.0.1', http } },
    ],
  };
  writeFileSync(`${file}.new`, JSON.stringify(table));
  renameSync(`${file}.new`, file);
  while ((await report(admin)).table?.revision !== revision) await pause(20);
}

async function report(admin: number): Promise<PodReport> {
  const url = `http://127.0.0.1:${admin}/modelship/report?custom=process_cpu_seconds_total`;
  return (await fetch(url)).json() as Promise<PodReport>;
}

/** @returns ms of each request */
async function load(port: number, agent: Agent, seconds: number): Promise<number[]> {
  const took: number[] = [];
  const ask = async (due: number) => {
    const sent = post({ port, agent, method: 'POST', path: `/v2/models/${MODEL}/infer` });
    sent.setHeader('content-type', 'application/json').end(BODY);
    const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage];
    response.resume();
    await once(response, 'end');
    if (response.statusCode !== 200) throw new Error(`a user was answered ${response.statusCode}`);
    took.push(performance.now() - due);
  };
  const begun = performance.now();
  const asked: Promise<void>[] = [];
  for (let i = 0; i < RATE * seconds; i++) {
    const due = begun + (i * 1_000) / RATE;
    const early = due - performance.now();
    if (early > 1) await pause(early);
    // From now, not from when it was due: timers of the load itself are no business of the server's.
    asked.push(ask(performance.now()));
  }
  await Promise.all(asked);
  return took;
}

const quantile = (values: number[], q: number) =>
  values.toSorted((a, b) => a - b)[Math.floor(q * (values.length - 1))] as number;

interface Measured {
  p50: number;
  p99: number;
  cpu: number;
}

async function measure(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'modelship-bench-'));
  const file = path.join(folder, 'traffic.json');
  const quick = await start('v2');
  const slow = await slowVersion();
  writeFileSync(file, '');
  const stable = await start('v1', file);
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const cases: [string, number, number][] = [
    ['no mirror', 0, quick.direct],
    ['10 %, quick', 1_000, quick.direct],
    ['100 %, quick', ALL, quick.direct],
    [`100 %, ${SLOW_MS} ms`, ALL, slow],
  ];
  const found = new Map<string, Measured[]>(cases.map(([name]) => [name, []]));
  const round = async (keep: boolean) => {
    for (const [name, share, port] of cases) {
      await mirror(stable, file, share, port);
      const before = await report(stable.admin);
      const took = await load(stable.entry, agent, keep ? SECONDS : 1);
      const after = await report(stable.admin);
      const seconds = cpuOf(after) - cpuOf(before);
      if (!keep) continue;
      const measured = { p50: quantile(took, 0.5), p99: quantile(took, 0.99), cpu: (1e6 * seconds) / took.length };
      found.get(name)?.push(measured);
    }
  };
  for (let i = 0; i <= ROUNDS; i++) {
    await round(i > 0);
    process.stderr.write(`round ${i} of ${ROUNDS}${i === 0 ? ' (warm-up)' : ''}\n`);
  }
  print(found);
  const { v2 } = (await report(stable.admin)).versions;
  process.stdout.write(`copies in all: ${JSON.stringify(v2)}\n`);
  agent.destroy();
  stable.child.kill();
  quick.child.kill();
  rmSync(folder, { recursive: true });
}

function cpuOf({ custom }: PodReport): number {
  return custom?.process_cpu_seconds_total?.value as number;
}

function print(found: ReadonlyMap<string, Measured[]>): void {
  const [base] = [...found.values()] as [Measured[]];
  process.stdout.write(`${RATE} requests a second; medians of ${ROUNDS} rounds, and of their ratios to no mirror\n`);
  for (const [name, rounds] of found) {
    const texts = (['p50', 'p99', 'cpu'] as const).map((what) => {
      const middle = quantile(
        rounds.map((each) => each[what]),
        0.5,
      );
      const ratio = quantile(
        rounds.map((each, i) => each[what] / (base[i] as Measured)[what]),
        0.5,
      );
      const unit = what === 'cpu' ? 'µs of CPU a request' : `ms ${what}`;
      return `${middle.toFixed(what === 'cpu' ? 0 : 2).padStart(7)} ${unit} (${ratio.toFixed(2)} ×)`;
    });
    process.stdout.write(`${name.padEnd(16)}${texts.join('')}\n`);
  }
}

await measure();
