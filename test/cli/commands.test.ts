import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { cliPage } from '../../cli/docs.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import { wantsColor } from '../../cli/output.ts';
import { LOCAL_ERRORS } from '../../local/errors.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { cli, DIGITS, folder, ROOT, ran } from './support.ts';

const manifest = (name: string, traffic: string, field = 'traffic') => `apiVersion: modelship.dev/v1alpha1
kind: ModelDeployment
metadata: {name: ${name}}
spec:
  versions:
    - name: v1
      model: {uri: model.onnx}
      ${field}: ${traffic}
`;

describe('validate', () => {
  it('says what a valid file asks for', async () => {
    const { code, out, err } = await cli(['validate', DIGITS]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toBe(`OK  ${DIGITS}  digits: v1 90%, v2 10%\n`);
  });

  it('says all that is wrong, with its place, and still what is right', async () => {
    const at = folder();
    writeFileSync(path.join(at, 'a.yaml'), manifest('good', '100'));
    writeFileSync(path.join(at, 'b.yml'), manifest('bad', '90'));
    writeFileSync(path.join(at, 'c.yaml'), manifest('worse', '100', 'trafic'));
    writeFileSync(path.join(at, 'README.md'), 'not YAML');
    const { code, out, err } = await ran(['validate', at]);
    expect(code).toBe(1);
    expect(out).toBe(`OK  ${at}/a.yaml  good: v1 100%\n`);
    expect(err).toMatch(/^error: \S+\/b\.yml:\d+:\d+ spec\.versions.*add up to 100/m);
    expect(err).toMatch(/^error: \S+\/c\.yaml:8:7 .*did you mean "traffic"\?$/m);
    expect(err).toMatch(/in 2 files\n$/);
  });

  it('reads standard input, and answers in JSON', async () => {
    const { code, out } = await cli(['validate', '-', '--output', 'json'], { stdin: manifest('bad', '"90"') });
    expect(code).toBe(1);
    const { valid, files, problems } = JSON.parse(out);
    expect({ valid, files }).toEqual({ valid: false, files: [{ file: '<stdin>', deployments: [] }] });
    expect(problems[0]).toMatchObject({ file: '<stdin>', line: 8, column: 7, path: 'spec.versions[0].traffic' });
  });

  it('leaves other kinds alone, but wants at least one ModelDeployment', async () => {
    const other = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n';
    const both = await cli(['validate', '-'], { stdin: `${other}---\n${manifest('good', '100')}` });
    expect({ code: both.code, out: both.out }).toEqual({ code: 0, out: 'OK  <stdin>  good: v1 100%\n' });
    const none = await cli(['validate', '-'], { stdin: other });
    expect(none.code).toBe(1);
    expect(none.err).toContain('no ModelDeployment in this file');
  });

  it.each<[string, (at: string) => string, RegExp]>([
    ['a file that is not there', (at) => path.join(at, 'x.yaml'), /^error: cannot read \S+: there is no such file\n$/],
    ['a folder without YAML', (at) => at, /no \*\.yaml or \*\.yml file in this folder/],
  ])('cannot use %s', async (_, target, message) => {
    const at = folder();
    mkdirSync(path.join(at, 'inner'));
    const { code, out, err } = await ran(['validate', target(at)]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
  });
});

describe('render', () => {
  it('prints the objects to a pipe, whole', async () => {
    const { code, out, err } = await cli(['render', '-', '--output', 'yaml'], { stdin: readFileSync(DIGITS, 'utf8') });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const kinds = out.split(/^---$/m).map((text) => (parse(text) as { kind: string }).kind);
    expect(kinds).toEqual(expect.arrayContaining(['ConfigMap', 'Deployment', 'Service']));
    expect(kinds.filter((kind) => kind === 'Deployment')).toHaveLength(2);
  });

  it('refuses what is wrong', async () => {
    const { code, out, err } = await cli(['render', '-'], { stdin: manifest('bad', '90') });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('add up to 100');
  });
});

describe('version', () => {
  it('names what a bug report should', async () => {
    const { out } = await cli(['version', '--output', 'json']);
    expect(JSON.parse(out)).toEqual({
      modelship: packageJson.version,
      node: process.versions.node,
      onnxruntime: packageJson.dependencies['onnxruntime-node'],
      platform: `${process.platform} ${process.arch}`,
    });
  });
});

describe('help', () => {
  it.each([[[]], [['--help']], [['help']]])('the program explains itself: %j', async (args) => {
    const { code, out } = await ran(args);
    expect(code).toBe(0);
    expect(out).toContain('First steps:');
    expect(out).toContain('Exit codes:');
  });

  it.each(['run', 'predict', 'validate', 'render', 'version'])('%s teaches by example', async (command) => {
    const { code, out } = await ran([command, '--help']);
    expect(code).toBe(0);
    expect(out).toMatch(/Examples:\n {2}# /);
    expect(out).toMatch(/Exit codes:\n {2}0 /);
  });

  it('is the page in docs/', () => {
    expect(readFileSync(path.join(ROOT, 'docs/cli.md'), 'utf8')).toBe(cliPage());
  });
});

describe('mistakes in the command line', () => {
  it.each<[string[], RegExp]>([
    [['vaildate', 'x'], /unknown command 'vaildate'\n\(Did you mean validate\?\)/],
    [['run', 'x', '--prot', '1'], /unknown option '--prot'\n\(Did you mean --port\?\)/],
    [['run'], /missing required argument 'file'/],
    [['run', 'x', '--port', '99999'], /Expected a whole number from 0 to 65535/],
    [['run', 'x', '--volume', 'models'], /Expected CLAIM=DIR/],
    [['run', 'x', '--volume', 'm=a', '--volume', 'm=b'], /The claim m has a folder already/],
    [['run', 'x', '--output', 'yaml'], /Allowed choices are table, plain, json/],
    [['predict', 'digits', '--repeat', '0'], /Expected a whole number of 1 or more/],
    [['predict', 'digits', '--url', 'ftp://x'], /Expected a URL/],
    [['predict', 'digits', '--header', 'nonsense'], /Expected 'NAME: VALUE'/],
  ])('%j', async (args, message) => {
    const { code, out, err } = await ran(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
    expect(err).toMatch(/Run `modelship.* --help` for what it takes\.\n$/);
  });
});

describe('colours', () => {
  it.each([
    ['a terminal', true, {}, true],
    ['a pipe', false, {}, false],
    ['a terminal, NO_COLOR', true, { NO_COLOR: '1' }, false],
    ['an empty NO_COLOR counts as none', true, { NO_COLOR: '' }, true],
    ['a pipe, FORCE_COLOR', false, { FORCE_COLOR: '1' }, true],
    ['a terminal, FORCE_COLOR=0', true, { FORCE_COLOR: '0' }, false],
    ['both', false, { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
    ['a dumb terminal', true, { TERM: 'dumb' }, false],
  ])('%s', (_, isTTY, env, wanted) => {
    expect(wantsColor(isTTY, env)).toBe(wanted);
  });

  it.each([['validate', DIGITS], ['run', '--help'], ['rnu']])('are off in a pipe: %s', async (...args) => {
    const plain = await cli(args);
    expect(plain.out + plain.err).not.toContain('\u001b');
    const forced = await cli(args, { env: { FORCE_COLOR: '1' } });
    expect(forced.out + forced.err).toContain('\u001b[');
  });
});

it('every way a local run fails has a documented exit code', () => {
  expect(Object.values(EXIT)).toEqual(expect.arrayContaining([...new Set(Object.values(LOCAL_ERRORS))]));
});
