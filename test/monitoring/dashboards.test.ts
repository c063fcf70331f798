/** The dashboards by themselves; `test/cluster/monitoring/` asks a real Prometheus what they ask. */
import { describe, expect, it } from 'vitest';
import { DASHBOARDS } from '../../charts/dashboards/dashboards.ts';
import { dashboardFile, type GrafanaDashboard, panelsOf } from './dashboard-files.ts';
import { registeredMetrics } from './registered.ts';

const names = Object.keys(DASHBOARDS);
const files = Object.fromEntries(names.map((name) => [name, dashboardFile(name)]));

/** All that a dashboard asks a Prometheus. */
function queriesOf({ templating, annotations, ...dashboard }: GrafanaDashboard): string[] {
  const variables = templating.list.map(({ query }) => (typeof query === 'string' ? '' : query.query));
  const panels = panelsOf(dashboard).flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  return [...variables, ...annotations.list.map(({ expr }) => expr), ...panels];
}

/** Names of metrics in a query: what is no label, and of a family that we or exporters have. */
function metricsIn(query: string): string[] {
  const found = query.match(/\b(modelship|process|nodejs|DCGM|up)(_\w+)?\b/g) ?? [];
  return found.filter((name) => !name.startsWith('modelship_dev_') && name !== 'modelship_');
}

describe.each(names)('%s', (name) => {
  const file = files[name] as GrafanaDashboard;

  it('says on every panel what it shows', () => {
    const silent = panelsOf(file).filter(({ description = '' }) => !/^\S.{15,}[.?]$/s.test(description));
    expect(silent.map(({ title }) => title)).toEqual([]);
  });

  it('lays its panels out beside each other', () => {
    const taken = new Map<string, string>();
    for (const { title, gridPos } of panelsOf(file)) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.get(`${x}/${y}`), `${title} at ${x}/${y}`).toBeUndefined();
          taken.set(`${x}/${y}`, title);
        }
      }
    }
  });

  it('has a query in every panel, and asks the data source that is chosen', () => {
    const all = file.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    for (const { title, datasource, targets = [] } of panelsOf(file)) {
      expect(targets, title).not.toEqual([]);
      expect(datasource?.uid, title).toMatch(/^\$\{datasource\}$/);
    }
  });

  it('names variables that it has, and no others', () => {
    const known = file.templating.list.map((variable) => variable.name);
    const used = queriesOf(file).flatMap((query) =>
      [...query.matchAll(/\$(?!__|\d)(\w+)/g)].map(([, variable]) => variable),
    );
    expect([...new Set(used)].filter((variable) => !known.includes(variable ?? ''))).toEqual([]);
  });

  it('asks for metrics that the code has', () => {
    const registered = registeredMetrics();
    const asked = queriesOf(file).flatMap(metricsIn);
    expect(asked.length).toBeGreaterThan(10);
    // Of Prometheus itself, and of NVIDIA's exporter.
    const others = asked.filter((metric) => metric !== 'up' && !metric.startsWith('DCGM_FI_DEV_'));
    expect([...new Set(others)].filter((metric) => !registered.has(metric))).toEqual([]);
  });
});

it('no two have one uid or title', () => {
  for (const key of ['uid', 'title'] as const) {
    expect(new Set(Object.values(files).map((file) => file[key])).size).toBe(names.length);
  }
});
