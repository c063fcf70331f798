/**
 * The long campaign: `npm run test:hostile -- --mutations 100000 --seed 1 --write`. All named attacks, then mutated
 * requests over HTTP and gRPC against one runtime process. Exit code 1 when it ended, answered with what nobody foresaw,
 * or kept memory. Linux only: memory is read from /proc.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { randomOf } from '../runtime/random.ts';
import { ATTACKS } from './attacks.ts';
import { campaign, type Outcomes } from './campaign.ts';
import { residentMiB } from './seeds.ts';
import { startVictim, type Victim } from './victim.ts';

/** Resident memory may differ by as much from the end of the warm-up round to the end, MiB: buffers, not leaks. */
const MOST_GROWTH_MIB = 64;
/** V8 takes memory until some 80,000 requests and keeps it: what grows after that is a leak. */
const WARM_UP = 100_000;
const DOC = 'docs/reliability.md';

const { values } = parseArgs({
  options: {
    mutations: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
  },
});
const mutations = Number(values.mutations);
const seed = Number(values.seed);

const victim = await startVictim();
const faults: string[] = [];
for (const attack of ATTACKS) {
  const seen = await attack.run(victim);
  const right = seen.every((status) => attack.expected.includes(status)) && victim.ended() === undefined;
  say(`${right ? 'ok ' : 'BAD'} ${attack.name}: ${seen.map((s) => s ?? 'closed')}`);
  if (!right) faults.push(`${attack.name}: ${seen}`);
}
await campaign(victim, { mutations: WARM_UP, random: randomOf(seed + 1) });
await sleep(2_000);
const before = residentMiB(victim.pid);
const started = performance.now();
const outcomes = await campaign(victim, {
  mutations,
  random: randomOf(seed),
  onProgress(done) {
    if (done % 10_000 === 0) say(`${done} of ${mutations}, ${Math.round(residentMiB(victim.pid))} MiB`);
  },
});
const seconds = (performance.now() - started) / 1_000;
await sleep(5_000);
const after = residentMiB(victim.pid);
faults.push(...outcomes.wrong, ...(await endOf(victim)));
if (after - before > MOST_GROWTH_MIB) faults.push(`memory grew from ${before} to ${after} MiB`);

const text = report(outcomes);
say(text);
for (const fault of faults) say(`BAD ${fault}`);
if (values.write) write(text);
process.exitCode = faults.length > 0 ? 1 : 0;

async function endOf(of: Victim): Promise<string[]> {
  const before = of.ended();
  if (before) return [`the process ended: ${before}`];
  const code = await of.stop();
  return code === 0 ? [] : [`asked to end, it exited with ${code}`];
}

function report({ counts }: Outcomes): string {
  const rows = [...counts]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([outcome, count]) => `| ${outcome} | ${count} |`);
  return [
    `${ATTACKS.length} named attacks and ${mutations.toLocaleString('en')} mutated requests, seed ${seed}, in ${Math.round(seconds)} s: ${faults.length} faults.`,
    `Resident memory ${Math.round(before)} MiB before, ${Math.round(after)} MiB after.`,
    '',
    '| answer | requests |',
    '|---|---|',
    ...rows,
  ].join('\n');
}

/** Between the two marks in the document. */
function write(text: string): void {
  const [from, to] = ['<!-- hostile:begin -->', '<!-- hostile:end -->'];
  const doc = readFileSync(DOC, 'utf8');
  const [head, tail] = [doc.slice(0, doc.indexOf(from) + from.length), doc.slice(doc.indexOf(to))];
  writeFileSync(DOC, `${head}\n${text}\n${tail}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
