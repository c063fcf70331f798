/** Every query of every dashboard, asked of a Prometheus that scrapes real runtimes and a real operator. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DASHBOARDS } from '../../../charts/dashboards/dashboards.ts';
import { dashboardFile, type GrafanaDashboard, panelsOf } from '../../monitoring/dashboard-files.ts';
import type { Series } from '../../monitoring/prometheus.ts';
import { eventually } from '../harness/eventually.ts';
import { openScene, type Scene } from './scene.ts';

/** In place of Grafana's: of a container that came up anew it has the start before and the start after. */
const WINDOW = '30s';
const LATER = { timeoutMs: 40_000 };

let folder: string;
let scene: Scene;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'modelship-dashboards-'));
  scene = await openScene(folder);
}, 180_000);
afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** As Grafana fills them in. */
function filledIn(query: string, dashboard: string): string {
  const { namespace, operator } = scene;
  const chosen = dashboard === 'operator' ? operator : { namespace, modeldeployment: 'digits', version: '.*' };
  const values: Record<string, string> = { ...chosen, __rate_interval: WINDOW };
  return query.replaceAll(/\$([a-z_]\w*)/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`no value for ${name} in ${query}`);
    return value;
  });
}

const numbers = (series: readonly Series[]): number[] =>
  series.flatMap(({ values }) => values.map(([, value]) => Number(value))).filter(Number.isFinite);

interface Asked {
  /** Dashboard, panel and the query's letter. */
  name: string;
  ask(): Promise<Series[]>;
  needs: 'gpu' | undefined;
}

function queriesOf(name: string, file: GrafanaDashboard): Asked[] {
  const panels = DASHBOARDS[name]?.rows.flatMap((row) => row.panels) ?? [];
  return panelsOf(file).flatMap(({ title, targets = [] }) => {
    const { needs } = panels.find((panel) => panel.title === title) ?? {};
    return targets.map(({ refId, expr, instant }) => ({
      name: `${name}: ${title} ${refId}`,
      needs,
      ask: () => {
        const query = filledIn(expr, name);
        return instant ? scene.prometheus.query(query) : scene.prometheus.range(query, Math.ceil(scene.age()));
      },
    }));
  });
}

const names = Object.keys(DASHBOARDS);
const asked = names.flatMap((name) => queriesOf(name, dashboardFile(name)));
const ordinary = asked.filter(({ needs }) => needs === undefined);
const ofGpus = asked.filter(({ needs }) => needs === 'gpu');

/**
 * All is well in this scene with some, and others are over before a scrape a second sees them: what they count is there,
 * at 0. Anything else must count, or a selector that matches nothing could hide behind `or 0 * …`.
 */
const MAY_BE_ZERO: readonly string[] = [
  'fleet: Which need a look H',
  'fleet: Refused A',
  'modeldeployment: Shielded requests and failed forwards A',
  'modeldeployment: Busy, and refused for want of room B',
  'modeldeployment: Waiting and in flight A',
  'modeldeployment: Waiting and in flight B',
  'modeldeployment: Restarts B',
  'modeldeployment: Revision of the traffic table C',
  'operator: Queue A',
  'operator: Queue B',
  'operator: Oldest A',
  'operator: Oldest B',
  'operator: Retries A',
  'operator: Lists read again A',
  'operator: Restarts A',
];

describe('every query has data', () => {
  it.each(ordinary)('$name', async ({ name, ask }) => {
    const counts = (values: readonly number[]) =>
      MAY_BE_ZERO.includes(name) ? values.length > 0 : values.some((value) => value !== 0);
    await eventually('there is a number', async () => counts(numbers(await ask())), LATER);
  });

  it('those that may be 0 are there', () => {
    const known = ordinary.map(({ name }) => name);
    expect(MAY_BE_ZERO.filter((name) => !known.includes(name))).toEqual([]);
  });
});

describe('queries that need a GPU', () => {
  it('are these', () => {
    const [dcgm, runtime] = ['DCGM', 'runtime'].map((of) =>
      ofGpus.map(({ name }) => name).filter((name) => name.includes(`(${of})`)),
    );
    expect(dcgm).toHaveLength(4);
    expect(runtime).toEqual([
      'modeldeployment: GPU in use (runtime) A',
      'modeldeployment: GPU memory (runtime) A',
      'modeldeployment: GPU memory (runtime) B',
    ]);
    expect(ofGpus.map(({ name }) => name).filter((name) => !name.includes('('))).toEqual(['fleet: GPU A']);
  });

  it.each(ofGpus)('$name', async ({ name, ask }) => {
    // Prometheus takes it.
    if (name.includes('(runtime)')) expect(await ask()).toEqual([]);
    else await eventually('the GPU is that of a pod', async () => numbers(await ask()).length > 0, LATER);
  });
});

describe.each(names)('of %s', (name) => {
  const file = dashboardFile(name);

  it.each(file.annotations.list)('marks: $name', async (mark) => {
    // The scene is younger than a minute.
    const query = filledIn(mark.expr, name).replaceAll('offset 1m', 'offset 3s');
    const seen = () => scene.prometheus.range(query, Math.ceil(scene.age()));
    // Nothing is taken back here; Prometheus takes the query.
    if (mark.name === 'Rolled back') expect(await seen()).toEqual([]);
    else await eventually('there is a mark', async () => numbers(await seen()).length > 0, LATER);
  });

  const variables = file.templating.list.filter(({ type }) => type === 'query');
  it.each(variables)('variable $name', async (variable) => {
    const { query } = variable.query as { query: string };
    const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(query) ?? [];
    const { namespace, operator } = scene;
    const wanted = { namespace, modeldeployment: 'digits', ...(name === 'operator' && operator) };
    const check = async () => {
      const values = await scene.prometheus.labelValues(label, filledIn(selector, name));
      if (variable.name === 'version') expect(values).toEqual(['v1', 'v2', 'v3']);
      else expect(values).toContain(wanted[variable.name as keyof typeof wanted]);
      return true;
    };
    await eventually('all were scraped', check, LATER);
  });

  const tables = panelsOf(file).filter(({ type }) => type === 'table');
  it.each(tables)('the table $title names columns that are there', async (table) => {
    const { targets = [], fieldConfig, transformations = [] } = table;
    const shown = fieldConfig?.overrides.map(({ matcher }) => matcher.options) ?? [];
    const { excludeByName = {} } = transformations.at(-1)?.options ?? {};
    const asked = [...shown, ...Object.keys(excludeByName)].filter((column) => column !== 'Time');
    const check = async () => {
      const columns = new Set<string>();
      for (const { refId, expr } of targets) {
        const series = await scene.prometheus.query(filledIn(expr, name));
        for (const { metric } of series) for (const label of Object.keys(metric)) columns.add(label);
        columns.add(targets.length > 1 ? `Value #${refId}` : 'Value');
      }
      expect([...columns].sort()).toEqual([...new Set(asked)].sort());
      return true;
    };
    // A scrape that was late leaves nothing to be seen until the next.
    await eventually('all were scraped', check, LATER);
  });
});

it('what does not serve comes before what waits for an approval', async () => {
  const [weight] = panelsOf(dashboardFile('fleet')).find(({ title }) => title === 'Which need a look')?.targets ?? [];
  const check = async () => {
    const rows = await scene.prometheus.query(filledIn(weight?.expr ?? '', 'fleet'));
    const weights = new Map(rows.map((row) => [row.metric.name, numbers([row])[0] ?? 0]));
    expect(weights.get('digits')).toBeGreaterThan(700);
    expect(weights.get('broken')).toBeGreaterThan(weights.get('digits') ?? 0);
    return true;
  };
  await eventually('all were scraped', check, LATER);
});
