import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { LOAD_ERRORS, LoadError, REQUEST_ERRORS, RequestError, type RequestErrorCode } from '../../runtime/errors.ts';

/** Rows of the Markdown table under a heading, cell by cell. */
async function tableUnder(heading: string): Promise<string[][]> {
  const page = await readFile('docs/errors.md', 'utf8');
  const section = page.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const bare = (cell: string | undefined) => cell?.replaceAll('`', '');

describe('docs/errors.md and the catalogue say the same', () => {
  test('answers: code and status, each with what it means and what to do', async () => {
    const rows = await tableUnder('Answers');
    expect(rows.map(([code, status]) => [bare(code), Number(status)])).toEqual(Object.entries(REQUEST_ERRORS));
    for (const [code, , meaning, todo] of rows)
      expect([code, meaning, todo].every((cell) => cell && cell.length > 5)).toBe(true);
  });

  test('failed starts', async () => {
    const rows = await tableUnder('Failed starts');
    expect(rows.map(([code]) => bare(code))).toEqual([...LOAD_ERRORS]);
    for (const [code, meaning, todo] of rows)
      expect([code, meaning, todo].every((cell) => cell && cell.length > 5)).toBe(true);
  });
});

test('a code gives its status', () => {
  for (const code of Object.keys(REQUEST_ERRORS) as RequestErrorCode[]) {
    expect(new RequestError(code, 'why')).toMatchObject({ code, status: REQUEST_ERRORS[code], message: 'why' });
  }
  expect(new LoadError('MODEL_CORRUPT', 'why')).toMatchObject({ code: 'MODEL_CORRUPT', message: 'why' });
});

test('every code is raised somewhere', async () => {
  const { glob } = await import('node:fs/promises');
  let source = '';
  for await (const file of glob('runtime/**/*.ts')) {
    if (!file.endsWith('/errors.ts')) source += await readFile(file, 'utf8');
  }
  const unused = [...Object.keys(REQUEST_ERRORS), ...LOAD_ERRORS].filter((code) => !source.includes(`'${code}'`));
  expect(unused).toEqual([]);
});
