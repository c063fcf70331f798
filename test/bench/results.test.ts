import { describe, expect, it } from 'vitest';
import { claimsOf, rivalries } from '../../bench/serving/claims.ts';
import { rivalText, withBlock } from '../../bench/serving/page.ts';
import { panelsOf, plot } from '../../bench/serving/plot.ts';
import { rotated, type Sample } from '../../bench/serving/rounds.ts';
import { summarise } from '../../bench/serving/summary.ts';
import { HEADINGS, markdownTable, rowsOf, textTable } from '../../bench/serving/table.ts';

const ORDER = ['modelship-json', 'echo-same', 'one-run', 'loop', 'loop-batched', 'peer'];

function sample(contender: string, round: number, perSecond: number, more: Partial<Sample> = {}): Sample {
  const measured = { answers: perSecond, seconds: 1, perSecond, p50: 1, p99: 2, failures: {}, cpuSeconds: 0.5 };
  return { model: 'digits', contender, concurrency: 16, round, ...measured, ...more };
}

const samples: Sample[] = [1, 2, 3].flatMap((round) => {
  // A slow round slows all of them.
  const pace = round === 2 ? 0.5 : 1;
  return [
    sample('modelship-json', round, 960 * pace, { memory: 2 ** 30 }),
    sample('echo-same', round, 1_000 * pace, { p50: 0.8 }),
    sample('one-run', round, 500 * pace),
    sample('loop', round, 2_000 * pace, { p99: Number.NaN }),
    sample('loop-batched', round, 4_000 * pace, { p99: Number.NaN }),
    sample('peer', round, 100 * pace, { failures: { 'HTTP 503': 2 }, p99: 20, generatorBusy: 0.95 }),
  ];
});
const absence = { model: 'digits', contender: 'gone', reason: 'no pip' } as const;
const groups = summarise(samples, [absence], ORDER);
const titles = new Map(ORDER.map((id) => [id, id.toUpperCase()]));

describe('a summary', () => {
  it('compares within a round: what hits all of them cancels out', () => {
    const own = groups[0]?.cells[0];
    expect(own?.contender).toBe('modelship-json');
    expect(own?.ratios.echo).toEqual({ median: 0.96, low: 0.96, high: 0.96 });
    expect(own?.ratios['by hand']?.median).toBeCloseTo(1.92);
  });

  it('takes the better of the loops as the limit of computing', () => {
    expect(groups[0]?.cells[0]?.ratios.compute?.median).toBeCloseTo(0.24);
  });

  it('gives CPU by request and adds failures up', () => {
    expect(groups[0]?.cells[0]?.cpuMicros).toBeCloseTo(0.5e6 / 960, 1);
    expect(groups[0]?.cells.at(-1)?.failures).toEqual({ 'HTTP 503': 6 });
  });

  it('names who is absent, and why', () => expect(groups[0]?.absences).toEqual([absence]));
});

describe('tables', () => {
  const rows = rowsOf(groups[0] as (typeof groups)[number], titles);

  it('has a row for each, the absent last with the reason', () => {
    expect(rows).toHaveLength(ORDER.length + 1);
    expect(rows.at(-1)).toEqual(['gone', 'not measured: no pip']);
  });

  it('marks where the load generator was the limit', () => expect(rows[5]?.[1]).toMatch(/ \*$/));

  it('lines columns up', () => {
    const lines = textTable(rows, (line) => line).split('\n');
    expect(new Set(lines.slice(0, -1).map((line) => line.length)).size).toBe(1);
  });

  it('is Markdown with as many cells everywhere', () => {
    const counts = markdownTable(rows)
      .split('\n')
      .map((line) => line.split('|').length);
    expect(new Set(counts)).toEqual(new Set([HEADINGS.length + 2]));
  });
});

describe('claims', () => {
  it('holds the measured against what was asked', () => {
    const [echo] = claimsOf(groups);
    expect(echo).toMatchObject({ measured: '0.96 (0.96–0.96)', holds: true });
    expect(
      claimsOf(groups)
        .slice(1)
        .every(({ holds }) => holds === undefined),
    ).toBe(true);
  });

  it('says no where it is missed', () => {
    const slow = samples.map((one) => (one.contender === 'modelship-json' ? { ...one, perSecond: 100 } : one));
    expect(claimsOf(summarise(slow, [], ORDER))[0]?.holds).toBe(false);
  });

  it('compares a peer with what sends the same kind of bytes, in throughput and p99', () => {
    const found = rivalries(groups, new Map([['peer', 'oip-json']]));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ peer: 'peer', model: 'digits', concurrency: 16, p99: 10 });
    expect(found[0]?.throughput).toBeCloseTo(9.6);
    expect(rivalries(groups, new Map([['peer', 'oip-grpc']]))).toEqual([]);
  });

  it('does not hide where it is behind', () => {
    const behind = { peer: 'peer', model: 'text', concurrency: 1, throughput: 0.9, p99: 1.2 };
    expect(rivalText([behind], titles)).toContain('- text, 1 in flight, PEER: 0.90 × its throughput');
    expect(rivalText([{ ...behind, throughput: 1.1 }], titles)).toContain('Ahead of every peer');
  });
});

describe('the plot', () => {
  const role = (id: string) => (id === 'peer' ? ('peer' as const) : ('own' as const));
  const panels = panelsOf(groups, 16, (id) => ({ title: `<${id}>`, role: role(id) }));

  it('leaves out loops, and other concurrencies', () => {
    expect(panels[0]?.bars.map(({ cell }) => cell.contender)).toEqual([
      'modelship-json',
      'echo-same',
      'one-run',
      'peer',
    ]);
    expect(panelsOf(groups, 64, () => undefined)).toEqual([]);
  });

  it('is well formed and holds no bare sign of markup', () => {
    const svg = plot(panels, 'a & b');
    expect(svg).toContain('&lt;peer&gt;');
    expect(svg).toContain('aria-label="a &amp; b"');
    const opened = [...svg.matchAll(/<(\w+)[^>]*[^/]>/g)].map(([, name]) => name);
    const closed = [...svg.matchAll(/<\/(\w+)>/g)].map(([, name]) => name);
    expect(opened.toSorted()).toEqual(closed.toSorted());
    expect(svg).not.toContain('NaN');
  });

  it('bars end inside it', () => {
    for (const [, x, width] of plot(panels, '').matchAll(/<rect x="([\d.]+)" y="\d+" width="([\d.]+)"/g)) {
      expect(Number(x) + Number(width)).toBeLessThan(960);
    }
  });
});

describe('the page', () => {
  it('changes its own block and nothing else', () => {
    const page = 'a\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nb\n';
    expect(withBlock(page, 'bench', '\nnew\n')).toBe('a\n<!-- bench: begin -->\nnew\n<!-- bench: end -->\nb\n');
    expect(() => withBlock(page, 'bench-live', 'x')).toThrow('bench-live');
  });
});

describe('rounds', () => {
  it('each goes first in turn, the circle stays', () => {
    expect([0, 1, 2, 3].map((round) => rotated(['A', 'B', 'C'], round).join(''))).toEqual(['ABC', 'BCA', 'CAB', 'ABC']);
  });
});
