/** How a run is told: plain lines, JSON lines, words to paste. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Output, plainPaint } from '../../cli/output.ts';
import { onInterrupt } from '../../cli/run/interrupts.ts';
import { jsonReporter } from '../../cli/run/json-reporter.ts';
import { PlainReporter } from '../../cli/run/plain-reporter.ts';
import { welcomeOf, welcomesOf } from '../../cli/run/welcome.ts';
import { eventLine } from '../../cli/run/words.ts';
import type { LocalEvent } from '../../local/snapshot.ts';
import { DIGITS_METADATA, fakeServer, folder, snapshotOf, versionView } from './support.ts';

function heard(): Output & { text: string } {
  return {
    text: '',
    live: false,
    width: 120,
    paint: plainPaint,
    write(said) {
      this.text += said;
    },
  };
}

const event: LocalEvent = {
  time: '2026-11-21T05:00:00.000Z',
  level: 'warn',
  deployment: 'digits',
  version: 'v2',
  type: 'version-crashed',
  message: 'v2 crashed: ended by SIGKILL\nlast words',
};

const at = (second: number, requests: [number, number], errors = 0) =>
  snapshotOf(
    [versionView('v1', { requests: requests[0] }), versionView('v2', { requests: requests[1], errors })],
    {},
    new Date(Date.UTC(2026, 10, 21, 5, 0, second)).toISOString(),
  );

describe('plain lines', () => {
  it('one for each thing that happened', () => {
    const out = heard();
    const reporter = new PlainReporter(out);
    reporter.event(event);
    reporter.event({ ...event, level: 'info', message: 'is loaded' });
    expect(out.text).toBe(
      '2026-11-21T05:00:00.000Z warn  digits: v2 crashed: ended by SIGKILL\n  last words\n' +
        '2026-11-21T05:00:00.000Z info  digits v2: is loaded\n',
    );
  });

  it('broken to the width of a terminal, words to copy left whole', () => {
    const message = `v2 cannot be loaded: see ${'x'.repeat(40)} and so on`;
    expect(eventLine({ ...event, message }, '05:00:00', plainPaint, 45)).toBe(
      `05:00:00 warn  digits: v2 cannot be loaded:\n  see\n  ${'x'.repeat(40)}\n  and so on\n`,
    );
  });

  it('the numbers every ten seconds, only if there was anything to count', () => {
    const out = heard();
    const reporter = new PlainReporter(out);
    for (const second of [0, 5, 10, 20]) reporter.snapshot(at(second, [100, 0]));
    expect(out.text).toBe('');
    reporter.snapshot(at(25, [950, 50]));
    reporter.snapshot(at(30, [1000, 100], 1));
    expect(out.text).toBe(
      '2026-11-21T05:00:30.000Z info  digits: 1,000 requests in 10 s (100/s): v1 90.0%, v2 10.0%; 1 error\n',
    );
    reporter.snapshot(at(39, [1000, 100], 1));
    reporter.snapshot(at(40, [1000, 100], 1));
    expect(out.text.split('\n')).toHaveLength(2);
  });

  it('ends with the sum', () => {
    const out = heard();
    new PlainReporter(out).close(at(50, [1000, 100], 1));
    expect(out.text).toBe('2026-11-21T05:00:50.000Z info  digits: 1,100 requests answered, 1 error\n');
  });
});

it('JSON: one object a line, one key that says what it is', () => {
  const out = heard();
  const reporter = jsonReporter(out);
  reporter.event(event);
  reporter.snapshot(at(0, [1, 2]));
  reporter.ready([{ model: 'digits', url: 'u', curl: 'c', predict: 'p' }], ['x.yaml']);
  reporter.stopping('SIGINT', 1);
  const lines = out.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map((line) => Object.keys(line))).toEqual([['event'], ['snapshot'], ['ready'], ['stopping']]);
  expect(lines[0].event).toEqual(event);
});

describe('lines to paste', () => {
  const digits = { name: 'digits', url: 'http://127.0.0.1:8080', metadata: DIGITS_METADATA, invoked: 'npx modelship' };

  it('with the request beside the YAML file', () => {
    const { curl, predict } = welcomeOf({ ...digits, file: 'my examples/request.json' });
    expect(curl).toBe(
      "curl -s http://127.0.0.1:8080/v2/models/digits/infer -H 'content-type: application/json' " +
        "-d '@my examples/request.json'",
    );
    expect(predict).toBe("npx modelship predict digits --input 'my examples/request.json'");
  });

  it('made up from the signature, where there is none', () => {
    const { curl } = welcomeOf({ ...digits, file: undefined });
    const [, body = ''] = / -d '(.*)'$/.exec(curl) ?? [];
    expect(JSON.parse(body).inputs[0]).toMatchObject({ name: 'image', shape: [1, 64] });
  });

  it('made up on the way, where it is long or not known', () => {
    const metadata = { ...DIGITS_METADATA, inputs: [{ name: 'pixels', datatype: 'FP32', shape: [-1, 3, 224, 224] }] };
    const { curl } = welcomeOf({ ...digits, metadata, url: 'http://127.0.0.1:9000', file: undefined });
    expect(curl).toMatch(/^npx modelship predict digits --url http:\/\/127.0.0.1:9000 --example \| curl -s .* -d @-$/);
  });

  it('finds the request of each model, and only one that it takes', async () => {
    const { url } = await fakeServer(() => ({ body: DIGITS_METADATA }));
    const cwd = folder();
    const files = ['digits', 'other'].map((name) => {
      mkdirSync(path.join(cwd, name));
      const input = name === 'digits' ? 'image' : 'sound';
      const body = { inputs: [{ name: input, datatype: 'FP32', shape: [1], data: [0] }] };
      writeFileSync(path.join(cwd, name, 'request.json'), JSON.stringify(body));
      const file = path.join(cwd, name, 'model.yaml');
      const versions = 'versions: [{name: v1, model: {uri: m.onnx}}]';
      const head = `apiVersion: modelship.dev/v1alpha1\nkind: ModelDeployment\nmetadata: {name: ${name}}\n`;
      writeFileSync(file, `${head}spec: {${versions}}\n`);
      return file;
    });
    const deployments = ['digits', 'other'].map((name) => ({ name, url }));
    const [first, second] = await welcomesOf({ deployments, files, cwd, invoked: 'modelship' });
    expect(first?.curl).toMatch(/ -d @digits\/request\.json$/);
    expect(second?.curl).not.toContain('request.json');
  });
});

it('takes one Ctrl-C that arrives twice for one', async () => {
  const asked: number[] = [];
  const ignore = onInterrupt((_, before) => asked.push(before));
  try {
    process.emit('SIGINT', 'SIGINT');
    process.emit('SIGINT', 'SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 450));
    process.emit('SIGINT', 'SIGINT');
  } finally {
    ignore();
  }
  expect(asked).toEqual([0, 1]);
});
