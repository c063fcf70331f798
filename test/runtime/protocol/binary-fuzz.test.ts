import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { infer, run } from '../harness.ts';
import { GOOD, MODEL, mutateBytes, mutateValue } from '../mutations.ts';
import { type Random, randomOf } from '../random.ts';

const SEED = 1_124_2026;

/** GOOD with its numbers in binary, packed by chance, then changed by chance: its head, its bytes, or what says how long they are. */
function mutateBinary(random: Random): { body: Buffer; headers: Record<string, string> } {
  const [image, count, ...rest] = GOOD.inputs as object[] as [Record<string, unknown>, Record<string, unknown>];
  const sized = ({ data: _, ...input }: Record<string, unknown>, size: number) => {
    return { ...input, parameters: { binary_data_size: size } };
  };
  const good = {
    ...GOOD,
    inputs: [sized(image, 32), sized(count, 8), ...rest],
    parameters: { binary_data_output: true },
  };
  const json = JSON.stringify(random.next() < 0.5 ? mutateValue(good, random) : good) ?? '';
  let body: Buffer = Buffer.concat([Buffer.from(json), Buffer.alloc(40, 1)]);
  const headers: Record<string, string> = { 'inference-header-content-length': String(Buffer.byteLength(json)) };
  const chance = random.next();
  if (chance < 0.1)
    headers['inference-header-content-length'] = random.pick(['-1', '0', '1e9', '7', '', '9'.repeat(20)]);
  else if (chance < 0.5) body = mutateBytes(body.toString('latin1'), random);
  if (random.next() < 0.5) {
    body = gzipSync(body);
    headers['content-encoding'] = 'gzip';
    if (random.next() < 0.3) body = body.subarray(0, random.below(body.length));
  }
  return { body, headers };
}

test('mutated binary requests: every answer is 200 or a coded 400', async () => {
  const running = await run({ model: MODEL });
  const random = randomOf(SEED);
  const statuses = new Map<number, number>();
  for (let i = 0; i < 1_000; i++) {
    const { body, headers } = mutateBinary(random);
    const { status, json, text } = await infer(running, body, { headers });
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    const said = `request ${i} of seed ${SEED}: ${JSON.stringify(headers)} → ${text.slice(0, 300)}`;
    if (status !== 200)
      expect([status, typeof json?.code, typeof json?.error], said).toEqual([400, 'string', 'string']);
  }
  expect(statuses.get(200)).toBeGreaterThan(100);
  expect(statuses.get(400)).toBeGreaterThan(250);
  const { inFlight, versions } = running.server.report();
  expect([inFlight, versions.v1?.answered, versions.v1?.errors]).toEqual([0, 1_000, 0]);
});
