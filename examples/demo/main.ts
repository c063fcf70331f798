/**
 * `npm run demo`: on this machine, under real traffic, v2 of digits goes out step by step and wins; v3, which mixes up
 * digits, goes out and is taken back. Nothing is played: `modelship run` as a library, real models, real requests, and a
 * file that is edited.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { RolloutStatus } from '../../api/status.ts';
import { isWalking } from '../../core/rollout/model.ts';
import { type LocalRun, runLocal } from '../../local/run.ts';
import { manifestOf } from './manifest.ts';
import { Stage } from './stage.ts';
import { Traffic } from './traffic.ts';

const MODELS = fileURLToPath(new URL('..', import.meta.url));
const PER_SECOND = 300;
const USERS = 8;
const WALK_LIMIT_MS = 60_000;
/** To see that what was reached stays. */
const PAUSE_MS = 1_500;

const folder = mkdtempSync(join(tmpdir(), 'modelship-demo-'));
const file = join(folder, 'digits.yaml');
const stage = new Stage();

/** The file is written and saved; the walk that follows is waited for. */
async function roll(run: LocalRun, version: string): Promise<RolloutStatus> {
  const before = statusOf(run)?.id;
  const over = Promise.withResolvers<RolloutStatus>();
  const stopLooking = run.on('snapshot', () => {
    const status = statusOf(run);
    if (status && status.id !== before && (!isWalking(status) || status.phase === 'Paused')) over.resolve(status);
  });
  writeFileSync(file, manifestOf(version));
  const limit = AbortSignal.timeout(WALK_LIMIT_MS);
  void run.closed.then(() => over.reject(new Error('it was stopped')));
  limit.onabort = () => over.reject(new Error(`the rollout to ${version} did not end within ${WALK_LIMIT_MS} ms`));
  try {
    return await over.promise;
  } finally {
    limit.onabort = null;
    stopLooking();
  }
}

const statusOf = (run: LocalRun) => run.snapshot().deployments[0]?.rollout;

async function show(): Promise<boolean> {
  writeFileSync(file, manifestOf('v1'));
  const run = await runLocal({ files: [file], host: '127.0.0.1', port: 0, volumes: { models: MODELS } });
  run.on('event', (event) => stage.event(event));
  run.on('snapshot', ({ deployments }) => stage.show(deployments[0]));
  process.once('SIGINT', () => void run.stop());
  let traffic: Traffic | undefined;
  try {
    stage.say('v1 of digits starts. The file has a rollout, but a first deployment has nothing to protect.');
    await run.ready;
    traffic = new Traffic({ url: run.deployments[0]?.url ?? '', perSecond: PER_SECOND, users: USERS });
    stage.users(traffic);
    await sleep(PAUSE_MS);
    stage.say(`${PER_SECOND} requests a second are answered by v1. Now the file says v2, a better model.`);
    const won = await roll(run, 'v2');
    await sleep(PAUSE_MS);
    stage.say('v2 has all the traffic. Now the file says v3, which was trained with labels mixed up.');
    const before = traffic.sent;
    const lost = await roll(run, 'v3');
    await sleep(PAUSE_MS);
    await traffic.stop();
    stage.close();
    sum(traffic, before, won, lost);
    return won.phase === 'Completed' && lost.phase === 'RolledBack' && traffic.failed === 0;
  } finally {
    stage.close();
    await traffic?.stop();
    await run.stop();
  }
}

function sum(traffic: Traffic, beforeV3: number, won: RolloutStatus, lost: RolloutStatus): void {
  const v3 = traffic.of('v3').answered;
  const percent = (part: number, of: number) => `${((100 * part) / Math.max(1, of)).toFixed(2)}%`;
  const right = (version: string) => percent(traffic.of(version).right, traffic.of(version).answered);
  const since = traffic.sent - beforeV3;
  const words = [
    '',
    `v1 → v2: ${won.phase}. ${won.message}`,
    `v2 → v3: ${lost.phase}. ${lost.message}`,
    `Users sent ${traffic.sent} requests; ${traffic.failed} failed.`,
    `v3 answered ${v3} of all of them, ${percent(v3, traffic.sent)}; ${percent(v3, since)} of those since it was asked for.`,
    `Right answers, by people's labels: v1 ${right('v1')}, v2 ${right('v2')}, v3 ${right('v3')}.`,
    ...traffic.reasons.map(([reason, times]) => `  ${times} × ${reason}`),
    '',
  ];
  process.stdout.write(words.join('\n'));
}

try {
  process.exitCode = (await show()) ? 0 : 1;
} catch (error) {
  process.stderr.write(`The demo ended early: ${(error as Error).message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
