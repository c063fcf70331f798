/** The pages that are made from several rooms of the house, and what processes really say. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { staleFiles } from '../../api/generate/generated.ts';
import { generatedFiles } from '../../docs/generate/main.ts';
import { unitOf } from '../../docs/generate/metrics.ts';
import { RunningOperator } from '../cluster/harness/operator-process.ts';
import { writeKubeconfig } from '../control-plane/access.ts';
import { replica } from '../runtime/fleet/replica.ts';
import { ask, infer, run, temporaryFolder } from '../runtime/harness.ts';
import { identity } from '../runtime/onnx-builder.ts';
import { LISTED, unlisted } from './metrics-page.ts';

describe('generated pages', () => {
  test('are what would be generated now; if not, run npm run generate', async () => {
    expect(await staleFiles(generatedFiles())).toEqual([]);
  });

  test('are named when they are missing', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'modelship-docs-'));
    onTestFinished(() => rm(empty, { recursive: true }));
    expect(await staleFiles(generatedFiles(), empty)).toEqual(Object.keys(generatedFiles()));
  });
});

describe('docs/reference/metrics.md lists', () => {
  const GOOD = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1] }] };

  test('all that a runtime tells: after answers, refusals, a table, a version that is down and a shadow', async () => {
    const table = join(await temporaryFolder(), 'traffic.json');
    const address = { host: '127.0.0.1', http: 1 };
    const versions = [
      { name: 'v1', share: 0, ranges: [] },
      { name: 'v2', share: 10_000, ranges: [[0, 10_000]], address },
      { name: 'v3', share: 0, ranges: [], shadow: 10_000, address },
    ];
    await writeFile(table, JSON.stringify({ model: 'm', revision: 1, primary: 'v1', versions }));
    const serving = { cache: { bytes: 1_000_000, ttlMs: 60_000 } };
    const running = await run({ model: identity('FP32'), launch: { table }, serving });
    for (let i = 0; i < 10; i++) expect((await infer(running, GOOD)).status).toBe(200);
    await infer(running, '{');
    const { text } = await ask(`${running.admin}/metrics`);
    expect(text).toMatch(/^modelship_shielded_requests_total\{version="v2",reason="unreachable"\} [1-9]/m);
    expect(text).toMatch(/^modelship_requests_total\{model="m",version="v1",code="400"\} 1$/m);
    expect(unlisted(text)).toEqual([]);
  });

  test('all that a replica of two processes tells', async () => {
    const both = await replica({ cores: 2, processes: 2 });
    const { text } = await ask(`http://127.0.0.1:${both.admin}/metrics`);
    expect(text).toMatch(/^modelship_processes \d$/m);
    expect(unlisted(text)).toEqual([]);
  });

  test('all that an operator tells; of one that leads, test/cluster/operator/metrics-page.test.ts', async () => {
    const kubeconfig = join(await temporaryFolder(), 'kubeconfig');
    await writeKubeconfig(kubeconfig, { url: 'https://127.0.0.1:1', token: 'none', ca: '' });
    const operator = new RunningOperator(['--kubeconfig', kubeconfig, '--runtime-image', 'any']);
    onTestFinished(() => operator.kill());
    const { text } = await operator.ask('/metrics');
    expect(text).toMatch(/^modelship_operator_leading 0$/m);
    expect(unlisted(text)).toEqual([]);
  });
});

test('what is not on the page is seen', () => {
  const text = `# HELP a b
# TYPE modelship_queue_requests gauge
modelship_queue_requests 3
# TYPE modelship_batch_items counter
modelship_batch_items 3
# TYPE modelship_new gauge
modelship_new 3
# TYPE modelship_info gauge
modelship_info{model="m",more="1"} 1
`;
  expect(unlisted(text)).toEqual([
    'modelship_batch_items: counter',
    'modelship_new: gauge',
    'modelship_new 3',
    'modelship_info{model="m",more="1"} 1',
  ]);
  expect(LISTED.has('modelship_queue_requests')).toBe(true);
});

test('a metric of ours has a unit, or none on purpose', () => {
  expect(unitOf({ name: 'modelship_queue_duration_seconds' })).toBe('seconds');
  expect(unitOf({ name: 'modelship_info' })).toBe('');
  expect(() => unitOf({ name: 'modelship_new' })).toThrow('modelship_new: add its unit');
});
