/** Real processes that share their ports: what callers, probes and the operator see of them. */
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { Agent, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { FromRuntime } from '../../../api/handoff.ts';
import { forkWith, post, startWith } from '../child.ts';
import { ask, DIGITS, servingWith, temporaryFolder } from '../harness.ts';
import { writeModel } from '../onnx-builder.ts';
import { SLOW } from '../slow-model.ts';
import { answers, DIGIT, gone, INFER, isAlive, load, replica, withHead } from './replica.ts';

const TWO = { cores: 2, processes: 2 };

describe('two processes', () => {
  test('answer on one port, evenly, and their counters add up to the last request', async () => {
    const both = await replica(TWO, { logLevel: 'debug' });
    // At this level each process says so, too: the head's line is the one that names them all.
    await expect.poll(() => both.lines.find(({ processes }) => processes), { timeout: 20_000 }).toBeDefined();
    const agents = Array.from({ length: 20 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    onTestFinished(() => agents.forEach((agent) => void agent.destroy()));
    const askAs = async (agent: Agent, times: number) => {
      for (let i = 0; i < times; i++)
        expect(await post(both.entry, INFER, DIGIT, agent)).toMatchObject({ status: 200 });
    };
    // All connections are there before the first closes: they are dealt out by how many each process has.
    await Promise.all(agents.map((agent) => askAs(agent, 1)));
    await Promise.all(agents.map((agent) => askAs(agent, 49)));
    // A response counts as under way until its bytes have left, which its client may know first.
    await expect.poll(async () => (await both.report()).inFlight).toBe(0);
    // A process that stalls for as long as it is waited for is told of with what it said last.
    await expect.poll(async () => (await both.report()).versions.v1?.answered).toBe(1_000);
    await expect.poll(() => both.metric('modelship_requests_total')).toBe(1_000);
    await expect.poll(() => both.metric('modelship_processes')).toBe(2);
    const { versions, latency, ready } = await both.report();
    expect(ready).toBe(true);
    expect(versions.v1).toMatchObject({ answered: 1_000, routed: 1_000, errors: 0, refused: 0 });
    expect(Object.values(latency).reduce((sum, each) => sum + each, 0)).toBe(1_000);
    expect(await both.metric('modelship_request_duration_seconds_count')).toBe(1_000);
    const asked = () => both.lines.filter(({ msg, door }) => msg === 'request' && door === 'entry');
    const byProcess = () => both.pids().map((pid) => asked().filter((line) => line.pid === pid).length);
    // Lines come through a pipe, after the answers.
    await expect.poll(byProcess, { timeout: 20_000 }).toEqual([500, 500]);
  });

  test('answer at the direct port too', async () => {
    const both = await replica(TWO);
    await both.logged('ready');
    expect((await ask(`http://127.0.0.1:${both.direct}${INFER}`, DIGIT)).status).toBe(200);
  });
});

describe('the start', () => {
  test('the first process measures the model; a tiny one gets a process for each core', async () => {
    const child = await replica({ cores: 2 });
    expect(await child.logged('number of processes chosen')).toMatchObject({ processes: 2, runsOn: 'main' });
    await child.logged('ready');
    expect(child.pids()).toHaveLength(2);
  });

  test('a heavy model gets one process, and workers in it', async () => {
    const uri = await writeModel(await temporaryFolder(), SLOW);
    // It can't be measured with a made-up request, so it counts as slow.
    const child = await replica(
      { cores: 2 },
      { uri, serving: servingWith({ execution: { cores: 2 }, warmupRequests: 0 }) },
    );
    expect(await child.logged('number of processes chosen')).toMatchObject({ processes: 1, runsOn: 'workers' });
    await child.logged('ready');
    expect(child.pids()).toHaveLength(1);
    expect(await child.metric('modelship_execution_workers')).toBe(2);
  });

  test('is not ready before all are; the model is fetched once, and removed when no worker may open it any more', async () => {
    const folder = await temporaryFolder();
    let fetched = 0;
    let release = () => {};
    const source = createServer((_request, response) => {
      fetched++;
      release = () => void response.end(readFileSync(DIGITS));
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void source.close());
    await once(source, 'listening');
    const { port } = source.address() as AddressInfo;
    process.env.TMPDIR = folder;
    onTestFinished(() => void delete process.env.TMPDIR);
    const child = await replica({ cores: 3, processes: 3, workers: 0 }, { uri: `http://127.0.0.1:${port}/model.onnx` });
    await expect.poll(() => fetched, { timeout: 20_000 }).toBe(1);
    const readyz = () => ask(`http://127.0.0.1:${child.admin}/readyz`);
    expect(await readyz()).toMatchObject({ status: 503, json: { code: 'NOT_READY' } });
    // One process says so at the public door as well.
    await expect
      .poll(async () => (await ask(`http://127.0.0.1:${child.entry}${INFER}`, DIGIT)).json.code, { timeout: 20_000 })
      .toBe('NOT_READY');
    release();
    await child.logged('ready');
    expect((await readyz()).status).toBe(200);
    expect(fetched).toBe(1);
    const left = () => statSync(folder).nlink - 2;
    await expect.poll(left, { timeout: 20_000 }).toBe(0);
    const { load: loaded, signature } = await child.report();
    expect(loaded).toMatchObject({ state: 'Loaded', phases: { fetch: expect.any(Number), open: expect.any(Number) } });
    expect(signature?.inputs).toHaveLength(1);
  });

  test.each([
    ['a model that is not there', { uri: 'no/such.onnx' }, /^MODEL_NOT_THERE: .*no\/such\.onnx/],
    ['a model that is none', { uri: 'package.json' }, /^MODEL_CORRUPT: /],
    ['an address that is taken', { entry: '192.0.2.1:80' }, /^ADDRESS_IN_USE: --entry 192\.0\.2\.1:80 /],
  ] as const)('%s: the coded words of a process are those of the replica', async (_why, changes, words) => {
    const terminationLog = join(await temporaryFolder(), 'termination-log');
    const child = startWith({ serving: servingWith({ execution: TWO }), ...changes, terminationLog });
    const { code, stderr } = await child.exit;
    expect(code).toBe(1);
    expect(stderr).toMatch(words);
    expect(await readFile(terminationLog, 'utf8')).toMatch(words);
    await gone(child.lines.flatMap(({ msg, process: pid }) => (msg === 'process started' ? [Number(pid)] : [])));
  });
});

test('a table counts as in force when every process has it', async () => {
  const table = join(await temporaryFolder(), 'traffic.json');
  const write = async (revision: number) => {
    const versions = [{ name: 'v1', share: 10_000, ranges: [[0, 10_000]] }];
    await writeFile(`${table}.new`, JSON.stringify({ model: 'm', revision, primary: 'v1', versions }));
    await rename(`${table}.new`, table);
  };
  await write(1);
  const child = forkWith({ table, serving: servingWith({ execution: TWO }) });
  const heard: FromRuntime[] = [];
  child.process.on('message', (message) => heard.push(message as FromRuntime));
  const { entry, direct, admin } = await child.logged('listening');
  const both = withHead(child, { entry: Number(entry), direct: Number(direct), admin: Number(admin) });
  await both.logged('ready');
  const revisions = () => heard.flatMap((message) => (message.type === 'table' ? [message.revision] : []));
  await expect.poll(revisions, { timeout: 20_000 }).toEqual([1]);
  expect((await both.report()).table?.revision).toBe(1);
  const [, second] = both.pids() as [number, number];
  process.kill(second, 'SIGSTOP');
  // While it is stopped it does not notice that its head is gone.
  onTestFinished(() => void (isAlive(second) && process.kill(second, 'SIGKILL')));
  await write(2);
  // Each question waits for the process that does not answer, longer than the others need for the table.
  for (let i = 0; i < 3; i++) expect((await both.report()).table?.revision).toBe(1);
  expect(revisions()).toEqual([1]);
  process.kill(second, 'SIGCONT');
  await expect.poll(revisions, { timeout: 20_000 }).toEqual([1, 2]);
  await expect.poll(async () => (await both.report()).table?.revision).toBe(2);
});

describe('a process that dies', () => {
  test('under load: only what it was answering is lost, and another takes its place', async () => {
    const both = await replica(TWO);
    await both.logged('ready');
    const asking = load(both.entry, 8);
    await answers(asking, 200);
    const before = (await both.report()).versions.v1?.answered ?? 0;
    process.kill(both.pids()[0] as number, 'SIGKILL');
    for (let i = 0; i < 5; i++) {
      expect((await ask(`http://127.0.0.1:${both.admin}/readyz`)).status).toBe(200);
      expect((await both.report()).versions.v1?.answered).toBeGreaterThanOrEqual(before);
    }
    await expect.poll(() => both.metric('modelship_processes'), { timeout: 20_000 }).toBe(2);
    await answers(asking, 200);
    await asking.stop();
    const lost = asking.outcomes.filter(({ status }) => status !== 200);
    // Four of the eight connections were its own.
    expect(lost.length).toBeLessThanOrEqual(4);
    expect(await both.metric('modelship_process_restarts_total')).toBe(1);
    await expect.poll(() => both.pids(), { timeout: 20_000 }).toHaveLength(3);
  });

  test('what it had counted stays counted', async () => {
    const both = await replica(TWO);
    await both.logged('ready');
    const agents = Array.from({ length: 4 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    onTestFinished(() => agents.forEach((agent) => void agent.destroy()));
    await Promise.all(agents.map((agent) => post(both.entry, INFER, DIGIT, agent)));
    const numbers = async () => [
      (await both.report()).versions.v1?.answered,
      await both.metric('modelship_requests_total'),
      await both.metric('modelship_compute_duration_seconds_count'),
    ];
    await expect.poll(numbers).toEqual([4, 4, expect.any(Number)]);
    const before = await numbers();
    const since: (typeof before)[] = [];
    const told = async () => {
      since.push(await numbers());
      return since.at(-1);
    };
    process.kill(both.pids()[0] as number, 'SIGKILL');
    await expect.poll(() => both.metric('modelship_process_restarts_total'), { timeout: 20_000 }).toBe(1);
    await expect.poll(told).toEqual(before);
    await expect.poll(() => both.metric('modelship_processes'), { timeout: 20_000 }).toBe(2);
    await expect.poll(told).toEqual(before);
    // Never less, not for a moment: to Prometheus that is a counter that began anew.
    for (const seen of since) expect(seen).toEqual(before);
  });

  test('again and again: the replica ends, and says so', async () => {
    const terminationLog = join(await temporaryFolder(), 'termination-log');
    const both = await replica(TWO, { terminationLog });
    await both.logged('ready');
    const killed = new Set<number>();
    const killing = setInterval(() => {
      const newest = both.pids().at(-1) as number;
      if (!killed.has(newest)) process.kill(newest, 'SIGKILL');
      killed.add(newest);
    }, 10);
    onTestFinished(() => clearInterval(killing));
    expect((await both.exit).code).toBe(1);
    expect(await readFile(terminationLog, 'utf8')).toMatch(/^CRASH_LOOP: .*died 6 times within a minute; .*SIGKILL/);
    await gone(both.pids());
  });
});

describe('the end', () => {
  test('SIGTERM under load loses nothing: it exits 0, and every connection was told to move', async () => {
    const terminationLog = join(await temporaryFolder(), 'termination-log');
    const both = await replica(TWO, { drainDelayMs: 2_000, terminationLog });
    await both.logged('ready');
    const asking = [load(both.entry, 7), load(both.direct, 1)];
    for (const each of asking) await answers(each, 20);
    const before = asking.flatMap(({ outcomes }) => outcomes).length;
    both.process.kill('SIGTERM');
    expect(await both.exit).toMatchObject({ code: 0, signal: null });
    await Promise.all(asking.map((each) => each.stop()));
    const outcomes = asking.flatMap((each) => each.outcomes);
    expect(outcomes.filter(({ status }) => status !== 200)).toEqual([]);
    expect(outcomes.length).toBeGreaterThan(before + 20);
    expect(outcomes.filter(({ connection }) => connection === 'close').length).toBe(8);
    expect(await readFile(terminationLog, 'utf8')).toBe('');
    await gone(both.pids());
  });

  test('SIGTERM while the model loads: exit 0', async () => {
    const child = await replica(TWO, { uri: 'http://127.0.0.1:1/model.onnx' });
    child.process.kill('SIGTERM');
    expect((await child.exit).code).toBe(0);
    await gone(child.pids());
  });

  test('no process outlives a head that is killed', async () => {
    const both = await replica(TWO);
    await both.logged('ready');
    both.process.kill('SIGKILL');
    await both.exit;
    await gone(both.pids());
  });
});
