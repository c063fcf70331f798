/** docs/first-model.md as a reader follows it on a laptop: its manifests, its requests, its client, its rollouts. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { cli, folder, startCli } from '../cli/support.ts';
import { freePort } from '../laptop/modelship.ts';
import { onnx } from '../runtime/onnx-builder.ts';
import { commandsOf, wordsAfter } from './docs/commands.ts';
import { pageOf, ROOT } from './docs/pages.ts';

const exec = promisify(execFile);
const page = pageOf('first-model.md', readFileSync(path.join(ROOT, 'docs/first-model.md'), 'utf8'));
const blocks = (language: string) => page.blocks.filter((block) => block.language === language).map(({ text }) => text);
const block = (language: string, holds: string) => {
  const found = blocks(language).find((text) => text.includes(holds));
  if (found === undefined) throw new Error(`the page has no ${language} with ${holds}`);
  return found;
};
const commands = blocks('sh').flatMap((text) => commandsOf(text).map(({ words }) => words));
/** Arguments of the page's command line that begins so. */
const args = (...start: string[]): string[] => {
  const all = commands.flatMap((words) => [wordsAfter(words, 'modelship') ?? []]);
  const found = all.find((words) => start.every((word, index) => words[index] === word));
  if (!found) throw new Error(`the page has no modelship ${start.join(' ')}`);
  return found;
};

/**
 * What the page's training gives, without its training: four sizes to the label and the probabilities of three species.
 * @param shift by how many the species' names are off
 */
function flowers(shift: number): Buffer {
  const weights = Array.from({ length: 12 }, (_, i) => Math.sin(1 + Math.floor(i / 3) * 3 + ((i + 3 - shift) % 3)));
  return onnx({
    inputs: [{ name: 'X', element: 'FP32', shape: ['n', 4] }],
    outputs: [
      { name: 'label', element: 'INT64', shape: ['n'] },
      { name: 'probabilities', element: 'FP32', shape: ['n', 3] },
    ],
    nodes: [
      { op: 'MatMul', inputs: ['X', 'w'], outputs: ['scores'] },
      { op: 'Softmax', inputs: ['scores'], outputs: ['probabilities'], ints: { axis: 1 } },
      { op: 'ArgMax', inputs: ['scores'], outputs: ['label'], ints: { axis: 1, keepdims: 0 } },
    ],
    initializers: [{ name: 'w', element: 'FP32', dims: [4, 3], data: Buffer.from(new Float32Array(weights).buffer) }],
  });
}

/** Users, some hundred requests a second, until the test is over. @returns what they got that was no answer */
function users(url: string): string[] {
  const failures: string[] = [];
  let over = false;
  const one = async () => {
    while (!over) {
      const data = Array.from({ length: 4 }, () => Math.round(Math.random() * 80) / 10);
      const body = JSON.stringify({ inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 4], data }] });
      const answer = await fetch(url, { method: 'POST', body }).catch((error: Error) => error);
      if (!over && (answer instanceof Error || !answer.ok)) failures.push(String(answer));
      if (answer instanceof Response) await answer.text();
      await sleep(10);
    }
  };
  for (let user = 0; user < 4; user++) void one();
  onTestFinished(() => {
    over = true;
  });
  return failures;
}

/** The version that a rollout is to give all traffic, as the state folder tells. */
function targetIn(status: string): string | undefined {
  if (!existsSync(status)) return undefined;
  const { deployments } = JSON.parse(readFileSync(status, 'utf8'));
  const to: Record<string, number> = deployments[0].rollout?.to ?? {};
  return Object.keys(to).find((name) => to[name] === 10_000);
}

const quick = (text: string) =>
  text
    .replaceAll('hold: 20s', 'hold: 1s')
    .replace('interval: 5s', 'interval: 1s')
    .replace('minSamples: 50', 'minSamples: 20');

it('works as it says, from the first request to the version that is taken back', async () => {
  const cwd = folder();
  for (const [version, shift] of Object.entries({ 1: 0, 2: 0, 4: 1 })) {
    mkdirSync(path.join(cwd, 'iris', version), { recursive: true });
    writeFileSync(path.join(cwd, 'iris', version, 'model.onnx'), flowers(shift));
  }
  const file = path.join(cwd, 'iris.yaml');
  const [first = '', second = ''] = blocks('yaml');
  writeFileSync(file, first);
  expect(await cli(args('validate'), { cwd })).toMatchObject({ code: 0 });

  const port = String(await freePort());
  const elsewhere = (text: string) => text.replaceAll('8080', port);
  const child = startCli([...args('run'), '--port', port], { cwd });
  onTestFinished(() => void child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;
  const served = () =>
    fetch(`${url}/v2/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await served())) await sleep(50);

  const curl = block('sh', 'infer -d').split('\n')[0] as string;
  const { stdout } = await exec('sh', ['-c', elsewhere(curl)]);
  const said = JSON.parse(block('json', 'model_version'));
  expect(Object.keys(JSON.parse(stdout))).toEqual(Object.keys(said));
  const shapes = ({ outputs }: typeof said) => outputs.map(({ data: _, ...rest }: { data: unknown }) => rest);
  expect(shapes(JSON.parse(stdout))).toEqual(shapes(said));
  const predicted = await cli([...args('predict'), '--url', url], {
    stdin: '[[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]',
  });
  expect(predicted.out).toMatch(/answered by v1[\s\S]*label +INT64 +\[2\]/);
  const client = await exec('python3', ['-c', elsewhere(block('python', 'urlopen(request'))], {
    env: { ...process.env, no_proxy: '*' },
  });
  expect(client.stdout).toMatch(/^v1 says (setosa|versicolor|virginica)\n$/);

  const failures = users(`${url}/v2/models/iris/infer`);
  const watch = async (target: string) => {
    // The rollout before is told of until the edit has been seen.
    while (targetIn(path.join(cwd, '.modelship/status.json')) !== target) await sleep(50);
    return cli([...args('rollout', 'watch'), '--timeout', '45s'], { cwd });
  };
  writeFileSync(file, quick(second));
  expect(await watch('v2')).toMatchObject({ code: 0, out: expect.stringContaining('Completed') });
  const [, v1 = ''] = /( +- name: v1\n.*\n.*\n)/.exec(second) ?? [];
  const third = second.replace(v1, '').replace('traffic: 100', 'traffic: 0');
  const v4 = v1.replaceAll('v1', 'v4').replace('/1/', '/4/').replace('traffic: 0', 'traffic: 100');
  writeFileSync(file, quick(third.replace('  rollout:', `${v4}  rollout:`)));
  expect(await watch('v4')).toMatchObject({
    code: 5,
    out: expect.stringMatching(/RolledBack.*v4: disagreement.*back to v2 100%/),
  });
  expect(failures).toEqual([]);
}, 120_000);
