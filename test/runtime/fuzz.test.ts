import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { DIGITS, infer, type Running, run } from './harness.ts';
import { GOOD, MODEL, mutate, mutateBytes, mutateValue } from './mutations.ts';
import { randomOf } from './random.ts';

const SEED = 1_121_2026;
const REQUESTS = 10_000;
const AT_ONCE = 32;

async function storm(running: Running, requests: Buffer[]): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < requests.length; i = next++) {
      const body = requests[i] as Buffer;
      const { status, json, text } = await infer(running, body);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      const said = `request ${i} of seed ${SEED}: ${body.toString('utf8').slice(0, 500)} → ${text.slice(0, 300)}`;
      if (status === 200) expect(json?.model_name, said).toBe('m');
      else expect([status, typeof json?.code, typeof json?.error], said).toEqual([400, 'string', 'string']);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return statuses;
}

test(`${REQUESTS} mutated requests: every answer is 200 or a coded 400, and good ones are answered after`, {
  timeout: 120_000,
}, async () => {
  const running = await run({ model: MODEL });
  const random = randomOf(SEED);
  const statuses = await storm(
    running,
    Array.from({ length: REQUESTS }, () => mutate(random)),
  );
  expect((statuses.get(200) ?? 0) + (statuses.get(400) ?? 0)).toBe(REQUESTS);
  // Mutations that are all refused at the first check, or all harmless, would prove nothing.
  expect(statuses.get(200)).toBeGreaterThan(REQUESTS * 0.03);
  expect(statuses.get(400)).toBeGreaterThan(REQUESTS * 0.5);
  const reply = await infer(running, GOOD);
  expect(reply.json.outputs.map((o: { data: unknown }) => o.data)).toEqual([[1, 2, 3, 4, 0.5, -1, 0.001, 'NaN'], [7]]);
  const { inFlight, versions } = running.server.report();
  expect([inFlight, versions.v1?.answered, versions.v1?.errors]).toEqual([0, REQUESTS + 1, 0]);
});

test('mutated requests to a model of scikit-learn', async () => {
  const running = await run({ launch: { uri: DIGITS } });
  const random = randomOf(SEED + 1);
  const good = { inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64], data: new Array(64).fill(3) }] };
  const requests = Array.from({ length: 1_000 }, () => Buffer.from(JSON.stringify(mutateValue(good, random)) ?? ''));
  await storm(running, requests);
  expect((await infer(running, good)).status).toBe(200);
});

/** Sends bytes as they are, and waits until the other side is done with them. @returns what came back */
function sendRaw(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host: '127.0.0.1', port }, () => socket.end(bytes));
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', () => resolve(answer));
    socket.on('close', () => resolve(answer));
  });
}

test('mutated bytes of whole HTTP requests', async () => {
  const running = await run({ model: MODEL });
  const random = randomOf(SEED + 2);
  const body = JSON.stringify(GOOD);
  const head = `POST /v2/models/m/infer HTTP/1.1\r\nhost: a\r\nmodelship-version: v1\r\ncontent-length: ${body.length + 1}\r\n\r\n`;
  const seen = new Set<string>();
  for (let i = 0; i < 1_000; i++) {
    const door = random.pick([running.entry, running.direct, running.admin]);
    const answer = await sendRaw(Number(new URL(door).port), mutateBytes(head + body, random));
    const status = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 'closed';
    seen.add(status);
    expect(status, answer).not.toMatch(/^5/);
    if (/^4/.test(status)) expect(answer).toMatch(/"code":"[A-Z_]+"/);
  }
  expect([...seen]).toEqual(expect.arrayContaining(['200', '400', '404']));
  expect((await infer(running, GOOD)).status).toBe(200);
  await expect.poll(() => running.server.report().inFlight, { timeout: 20_000 }).toBe(0);
});
