import { expect, test } from 'vitest';
import { VersionBook } from '../../runtime/counters.ts';

test('a version keeps its counters', () => {
  const book = new VersionBook('v1');
  book.of('v2').forwarded++;
  book.of('v2').shielded.timeout = 3;
  expect(book.snapshot()).toMatchObject({
    v1: { forwarded: 0 },
    v2: { forwarded: 1, shielded: { timeout: 3, open: 0 } },
  });
});

test('a snapshot does not change afterwards', () => {
  const book = new VersionBook('v1');
  const before = book.snapshot();
  book.of('v1').answered++;
  book.of('v1').shielded.open = 1;
  expect(before.v1).toMatchObject({ answered: 0, shielded: { open: 0 } });
});

test('the book is bounded: the oldest version goes, its own never', () => {
  const book = new VersionBook('own');
  for (let i = 0; i < 1_000; i++) book.of(`v${i}`).routed++;
  const versions = Object.keys(book.snapshot());
  expect(versions.length).toBe(128);
  expect(versions).toContain('own');
  expect(versions).toContain('v999');
  expect(versions).not.toContain('v0');
});
