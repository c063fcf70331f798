import { describe, expect, test } from 'vitest';
import { promqlOf } from '../../../core/analysis/query.ts';

describe('what is put into a query', () => {
  const place = {
    namespace: 'team',
    model: 'digits',
    window: { stable: 'v1', canaries: ['v2'], since: 1_000 },
    now: 96_000,
  };

  test('all of it', () => {
    const query = '{{namespace}} {{ model }} {{stable}} {{canary}} {{window}}';
    expect(promqlOf(query, place)).toBe('team digits v1 v2 95s');
  });

  test('several canaries, a window that is short, and what is not known', () => {
    const several = { ...place, window: { ...place.window, canaries: ['v2', 'v3'] }, now: 2_000 };
    expect(promqlOf('{{canary}} {{window}} {{ $labels }} {{other}}', several)).toBe(
      'v2|v3 60s {{ $labels }} {{other}}',
    );
  });
});
