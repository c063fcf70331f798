import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Summary, withSummary } from '../../faults/report-page.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/reliability.md'), 'utf8');

const summary: Summary = {
  date: '2026-01-02',
  seeds: '1 to 3',
  histories: 3,
  unequal: 0,
  crashes: 2,
  requests: 500,
  faults: { 'cut-after': 7, stale: 1 },
  seconds: 12.4,
  cuts: 60,
  kills: 30,
  takeOverSeconds: 8.3,
  leaseSeconds: 8,
  failed: 0,
  versions: { kubernetes: 'v1.34.4', node: 'v24.21.0', cores: 2 },
};

describe('the page on reliability', () => {
  it('takes the last result between its markers, over and over, and keeps the rest', () => {
    const once = withSummary(page, summary);
    expect(once).toContain('3 histories, all ended equal. 8 faults in 500 requests');
    expect(once).toContain('| cut-after | 7 |');
    expect(once).toContain('in force after 8.3 s, with a Lease of 8 s.');
    expect(withSummary(once, { ...summary, unequal: 1 })).toContain('3 histories, 1 did NOT');
    expect(withSummary(once, summary)).toBe(once);
    const around = (text: string): string[] => text.split(/<!-- faults: [^>]+-->/).filter((_, index) => index !== 1);
    expect(around(once)).toEqual(around(page));
  });

  it('says what to do when a marker is gone', () => {
    expect(() => withSummary('# Reliability', summary)).toThrow('put both back');
  });
});
