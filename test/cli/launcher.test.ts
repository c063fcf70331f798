import { readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { invokedAs, quoted } from '../../cli/context.ts';
import { cli, folder, LAUNCHER, startCli } from './support.ts';

/** Makes Node call itself old, before the launcher looks. Not handed on to what the launcher starts. */
const OLD_NODE = [
  '--import',
  `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.1.0'}})`,
];

it('works from any folder and through a symbolic link', async () => {
  const at = folder();
  const script = path.join(at, 'modelship');
  symlinkSync(LAUNCHER, script);
  const { code, out } = await cli(['version'], { cwd: at, script });
  expect(code).toBe(0);
  expect(out).toContain('onnxruntime');
});

it("starts the project's own Node where the one at hand is too old", async () => {
  const { code, out } = await cli(['version', '--output', 'json'], { nodeArgs: OLD_NODE });
  expect(code).toBe(0);
  expect(Number.parseInt(JSON.parse(out).node, 10)).toBeGreaterThanOrEqual(24);
});

it('keeps what Node compiled for the next start', async () => {
  const at = folder();
  const { out, err } = await cli(['--version'], { env: { NODE_COMPILE_CACHE: '', XDG_CACHE_HOME: at } });
  expect({ out: out.trim(), err }).toEqual({ out: expect.stringMatching(/^\d/), err: '' });
  expect(readdirSync(path.join(at, 'modelship', 'compiled'))).toHaveLength(1);
});

it.each<[string, Record<string, string>]>([
  ['cannot be written', { XDG_CACHE_HOME: '/dev/null' }],
  ['is not to be had: the user has no home', { XDG_CACHE_HOME: '', HOME: '' }],
])('starts where the cache %s', async (_, env) => {
  const at = folder();
  const { code, err } = await cli(['--version'], { cwd: at, env: { NODE_COMPILE_CACHE: '', ...env } });
  expect({ code, err, left: readdirSync(at) }).toEqual({ code: 0, err: '', left: [] });
});

it('hands on the exit code', async () => {
  expect((await cli(['nonsense'], { nodeArgs: OLD_NODE })).code).toBe(2);
});

it('says what is missing where there is no newer Node', async () => {
  const { code, err } = await cli(['version'], { nodeArgs: OLD_NODE, env: { MODELSHIP_RELAUNCHED: '1' } });
  expect(code).toBe(1);
  expect(err).toContain('modelship needs Node 24 or later');
});

it('ends quietly when nobody reads any more', async () => {
  const child = startCli(['run', '--help']);
  child.stdout?.destroy();
  let err = '';
  child.stderr?.on('data', (chunk) => {
    err += chunk;
  });
  await new Promise((resolve) => child.once('close', resolve));
  expect(err).toBe('');
});

it.each<[string, Record<string, string>, string, string, string]>([
  ['npx and npm', { npm_command: 'exec' }, '/p/cli/modelship.mjs', '/p', 'npx modelship'],
  ['a script', {}, '/p/cli/modelship.mjs', '/p', 'node cli/modelship.mjs'],
  ['a script elsewhere', {}, '/p/my cli/modelship.mjs', '/q', "node '/p/my cli/modelship.mjs'"],
  ['an installed command', {}, '/usr/local/bin/modelship', '/p', 'modelship'],
])('knows how it was called: %s', (_, env, script, cwd, said) => {
  expect(invokedAs(env, script, cwd)).toBe(said);
});

it('quotes for a shell only what needs it', () => {
  expect(quoted('@examples/digits/request.json')).toBe('@examples/digits/request.json');
  expect(quoted("it's here")).toBe(`'it'\\''s here'`);
});
