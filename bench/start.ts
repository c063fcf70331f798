/**
 * What a start costs, of programs from their sources and packed (docs/decisions/packing.md): `npm run bench:start`. Starts in
 * turn, so that a slow minute of the machine meets all alike. Read the medians, and as ratios.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { runtimeServingOf } from '../api/effective.ts';
import { type Launch, launchArgs } from '../api/launch.ts';
import { PROGRAMS, type Program } from '../bundle/pack.ts';
import { table } from '../cli/table.ts';
import { writeKubeconfig } from '../test/control-plane/access.ts';
import packPrograms from '../test/pack.ts';

const ROOT = path.join(import.meta.dirname, '..');
/** Of the kernel, in which /proc counts CPU. */
const TICKS_A_SECOND = 100;

interface Start {
  program: Program;
  args: readonly string[];
  /** The log line that says that it has begun. */
  begun: string;
}

interface Cost {
  /** From its start until it said that it has begun. */
  ms: number;
  cpuMs: number;
  /** At its highest. */
  mib: number;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;

async function startsIn(folder: string): Promise<Start[]> {
  const any = '127.0.0.1:0';
  const launch: Launch = {
    model: 'digits',
    version: 'v1',
    uri: 'examples/digits/models/1/model.onnx',
    entry: any,
    direct: any,
    admin: any,
    drainDelayMs: 0,
    logLevel: 'info',
    serving: runtimeServingOf({ protocols: ['rest'] }),
  };
  // Nobody is there: what comes after its start is not looked at.
  const kubeconfig = path.join(folder, 'kubeconfig');
  await writeKubeconfig(kubeconfig, { url: 'https://127.0.0.1:1', token: 'none', ca: '' });
  const operator = ['--kubeconfig', kubeconfig, '--runtime-image', 'runtime:1', '--metrics', any];
  return [
    { program: 'runtime', args: launchArgs(launch), begun: 'ready' },
    { program: 'operator', args: operator, begun: 'started' },
  ];
}

async function costOf({ args, begun }: Start, script: string, compiled: string): Promise<Cost> {
  const started = performance.now();
  const child = spawn(process.execPath, [script, ...args], {
    cwd: ROOT,
    env: { ...process.env, NODE_COMPILE_CACHE: compiled },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await said(child, begun);
    const ms = performance.now() - started;
    const [, user = 0, system = 0] = /^.*\)(?: \S+){11} (\d+) (\d+)/.exec(ofProc(child, 'stat')) ?? [];
    const [, kib] = /^VmHWM:\s+(\d+)/m.exec(ofProc(child, 'status')) ?? [];
    return { ms, cpuMs: ((Number(user) + Number(system)) * 1_000) / TICKS_A_SECOND, mib: Number(kib) / 1_024 };
  } finally {
    // Asked to, since Node keeps what it compiled when it ends.
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
}

const ofProc = ({ pid }: ChildProcess, name: string): string => readFileSync(`/proc/${pid}/${name}`, 'utf8');

async function said(child: ChildProcess, what: string): Promise<void> {
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    if ((JSON.parse(line) as { msg: string }).msg === what) {
      child.stdout?.resume();
      return;
    }
  }
  throw new Error(`it ended before it said "${what}"`);
}

async function measure(rounds: number): Promise<Map<string, Cost[]>> {
  const folder = mkdtempSync(path.join(tmpdir(), 'modelship-bench-'));
  const costs = new Map<string, Cost[]>();
  try {
    const starts = await startsIn(folder);
    for (let round = 0; round <= rounds; round++) {
      for (const start of starts) {
        const scripts = { 'from sources': PROGRAMS[start.program], packed: `dist/${start.program}.mjs` };
        for (const [how, script] of Object.entries(scripts)) {
          for (const [kept, compiled] of [
            ['', ''],
            [', compiled before', path.join(folder, 'compiled')],
          ] as const) {
            const cost = await costOf(start, script, compiled);
            const name = `${start.program}, ${how}${kept}`;
            // The first fills the caches.
            if (round > 0) costs.set(name, [...(costs.get(name) ?? []), cost]);
          }
        }
      }
      process.stderr.write(`round ${round} of ${rounds}${round === 0 ? ' (warm-up)' : ''}\n`);
    }
    return costs;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '15' }, output: { type: 'string', default: 'text' } },
});
const rounds = Number(values.rounds);
if (!(Number.isInteger(rounds) && rounds > 0)) throw new RangeError('--rounds takes a whole number above 0');
await packPrograms();
const costs = await measure(rounds);
const rows = [...costs].map(([name, all]) => {
  const of = (key: keyof Cost): number => median(all.map((one) => one[key]));
  return { name, ms: Math.round(of('ms')), cpuMs: Math.round(of('cpuMs')), mib: Math.round(of('mib')) };
});
if (values.output === 'json') process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
else {
  const columns = [
    { title: '' },
    ...['ms until it has begun', 'ms of CPU', 'MiB at most'].map((title) => ({ title, align: 'right' as const })),
  ];
  const cells = rows.map(({ name, ms, cpuMs, mib }) => [name, String(ms), String(cpuMs), String(mib)]);
  process.stdout.write(`${table(columns, cells).join('\n')}\n`);
}
