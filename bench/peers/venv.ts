/** Virtual environments of pinned packages, in a cache outside the tree: made once, found by what is pinned. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** The pins are for this one. The system's comes first: Triton's Python backend is linked against it. */
const WANTED = '3.11';
const CANDIDATES = ['/usr/bin/python3', `python${WANTED}`, 'python3'];
const INSTALL_LIMIT_MS = 30 * 60_000;

export function cacheFolder(...inside: string[]): string {
  const base = process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache');
  return path.join(base, 'modelship', ...inside);
}

let known: Promise<string> | undefined;

/** A Python that the pins fit. @throws Error that names what was tried */
export function findPython(): Promise<string> {
  known ??= searchPython();
  return known;
}

async function searchPython(): Promise<string> {
  const found: string[] = [];
  for (const python of CANDIDATES) {
    try {
      const ask = 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])';
      const { stdout } = await exec(python, ['-c', ask]);
      if (stdout.trim() === WANTED) return python;
      found.push(`${python} is ${stdout.trim()}`);
    } catch {
      found.push(`${python} is missing or has no venv`);
    }
  }
  throw new Error(`needs Python ${WANTED} with venv (${found.join(', ')})`);
}

/** Name of the folder of an environment: other pins or another Python give another. */
export function folderName(name: string, python: string, requirements: string): string {
  const hash = createHash('sha256').update(`${python}\n${requirements}`).digest('hex').slice(0, 12);
  return `${name}-${hash}`;
}

const DONE = 'installed';

/** What is there already, without installing anything: its Python, or undefined. */
export async function installedVenv(name: string, requirementsFile: string): Promise<string | undefined> {
  const folder = await folderOf(name, requirementsFile);
  return existsSync(path.join(folder, DONE)) ? pythonIn(folder) : undefined;
}

/**
 * The Python of an environment with these packages; installs them if need be, which takes minutes.
 * @throws Error with pip's last words
 */
export async function venv(name: string, requirementsFile: string, log: (line: string) => void): Promise<string> {
  const folder = await folderOf(name, requirementsFile);
  const python = pythonIn(folder);
  if (existsSync(path.join(folder, DONE))) return python;
  log(`${name}: installing ${path.basename(path.dirname(requirementsFile))}/requirements.txt`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(path.dirname(folder), { recursive: true });
  await exec(await findPython(), ['-m', 'venv', folder]);
  await run(python, ['-m', 'pip', 'install', '--quiet', '--no-deps', '--requirement', requirementsFile]);
  await writeFile(path.join(folder, DONE), '');
  return python;
}

async function folderOf(name: string, requirementsFile: string): Promise<string> {
  const requirements = await readFile(requirementsFile, 'utf8');
  return cacheFolder('peers', folderName(name, await findPython(), requirements));
}

const pythonIn = (folder: string): string => path.join(folder, 'bin', 'python');

/** Runs a program to its end. @throws Error with the last lines it wrote */
export async function run(program: string, args: readonly string[]): Promise<void> {
  try {
    await exec(program, [...args], { timeout: INSTALL_LIMIT_MS, maxBuffer: 2 ** 26 });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error((stderr || message).trim().split('\n').slice(-3).join(' ').slice(0, 400));
  }
}
