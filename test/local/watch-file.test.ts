import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { realClock } from '../../local/clock.ts';
import { watchFile } from '../../local/watch-file.ts';

let folder: string;
let file: string;
let stop: () => void;
let texts: string[];
let gone: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'modelship-test-'));
  file = join(folder, 'model.yaml');
  writeFileSync(file, 'old');
  texts = [];
  gone = [];
  stop = watchFile({
    file,
    text: 'old',
    clock: realClock,
    onText: (text) => texts.push(text),
    onGone: ({ message }) => gone.push(message),
  });
});

afterEach(() => {
  stop();
  rmSync(folder, { recursive: true, force: true });
});

const seen = (...expected: string[]) => vi.waitFor(() => expect(texts).toEqual(expected), { timeout: 20_000 });

describe('an edited file', () => {
  test('written in place', async () => {
    writeFileSync(file, 'new');
    await seen('new');
  });

  test('replaced by a rename, again and again', async () => {
    for (const text of ['one', 'two']) {
      writeFileSync(`${file}.swp`, text);
      renameSync(`${file}.swp`, file);
      await vi.waitFor(() => expect(texts.at(-1)).toBe(text), { timeout: 20_000 });
    }
    await seen('one', 'two');
  });

  test('truncated and then written is read once, whole', async () => {
    writeFileSync(file, '');
    writeFileSync(file, 'new');
    await seen('new');
  });

  test('written with what it said before, and other files beside it, are no edits', async () => {
    writeFileSync(file, 'old');
    writeFileSync(join(folder, 'other.yaml'), 'new');
    writeFileSync(file, 'last');
    await seen('last');
  });

  test('removed and brought back', async () => {
    rmSync(file);
    await vi.waitFor(() => expect(gone).toHaveLength(1), { timeout: 20_000 });
    writeFileSync(file, 'old');
    await seen('old');
  });
});
