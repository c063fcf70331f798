
import { expect, it } from 'vitest';
import { Crowd, table } from '../harness/zz-crowd.ts';
import { Digits } from '../harness/digits.ts';
import { killPod } from '../harness/kill.ts';
it('kills', {timeout: 900_000}, async () => {
 const all = [];
 for (let round = 0; round < 6; round++) {
  const digits = await Digits.served('kills', { v1: 80, v2: 20 });
  await digits.stands(4);
  const crowd = await Crowd.of(digits, { callers: 4 });
  for (const { metadata } of await digits.pods('v1')) {
    process.stderr.write(`kill ${metadata.name}\n`);
    await crowd.during('kill', async () => { await killPod(digits.namespace, metadata.name); await digits.restarted(metadata.name); });
  }
  await crowd.stop();
  process.stderr.write(table(crowd.report())+'\n');
  all.push(...crowd.failures);
  void digits.kubectl('delete', 'modeldeployment', '--all', '--wait=false').then(() => digits[Symbol.asyncDispose]());
 }
 expect(all).toEqual([]);
});
