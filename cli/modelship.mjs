#!/usr/bin/env node
// The launcher: plain JavaScript, so that an old Node can still say what is missing. The program is main.ts, or what was
// packed of it.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import module from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { packed } from './packed.mjs';

const NEEDED = 24;
const RELAUNCHED = 'MODELSHIP_RELAUNCHED';
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'];

function projectNode() {
  const here = dirname(realpathSync(fileURLToPath(import.meta.url)));
  const binary = join(here, '..', 'node_modules', '.bin', 'node');
  return existsSync(binary) ? binary : undefined;
}

/** A signal from the terminal reaches the child twice, from its group and from here; `run` counts those as one. */
function relaunch(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit', env: { ...process.env, [RELAUNCHED]: '1' } });
  const forward = (signal) => child.kill(signal);
  for (const signal of FORWARDED) process.on(signal, forward);
  child.on('error', (error) => {
    process.stderr.write(`error: ${node} cannot be started: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    for (const name of FORWARDED) process.off(name, forward);
    if (signal) process.kill(process.pid, signal);
    else process.exitCode = code;
  });
}

/** What Node compiles is kept for the next start, and for the runtimes of `run`: that is half of the time of a start. */
function keepCompiled() {
  const caches = process.env.XDG_CACHE_HOME || cachesOfUser();
  if (caches === undefined) return;
  process.env.NODE_COMPILE_CACHE ||= join(caches, 'modelship', 'compiled');
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
}

/** Undefined for a user who has no home, as in a container under a number that nobody has. */
function cachesOfUser() {
  try {
    return homedir() ? join(homedir(), '.cache') : undefined;
  } catch {
    return undefined;
  }
}

if (Number.parseInt(process.versions.node, 10) >= NEEDED) {
  keepCompiled();
  const program = packed('modelship');
  const { main } = await import(program ? pathToFileURL(program).href : './main.ts');
  await main(process.argv.slice(2));
} else {
  const node = process.env[RELAUNCHED] ? undefined : projectNode();
  if (node) {
    relaunch(node);
  } else {
    process.stderr.write(
      `error: modelship needs Node ${NEEDED} or later, and this is ${process.version}.\n` +
        'Install it from https://nodejs.org, or run `npm ci` in the folder of Modelship: that brings its own.\n',
    );
    process.exitCode = 1;
  }
}
