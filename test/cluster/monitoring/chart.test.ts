/** The dashboards as the chart brings them to Grafana's sidecar. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { DASHBOARDS } from '../../../charts/dashboards/dashboards.ts';
import type { KubeObject } from '../../../operator/render/objects.ts';
import { CHART, template } from '../chart/helm.ts';

const SWITCH = 'monitoring.dashboards';
const isDashboard = ({ metadata }: KubeObject): boolean => metadata.labels?.grafana_dashboard === '1';

it('brings none unless asked', async () => {
  expect((await template('modelship')).filter(isDashboard)).toEqual([]);
});

it('brings a ConfigMap for each, as it is in its file', async () => {
  const given = (await template('modelship', `${SWITCH}.enabled=true`)).filter(isDashboard);
  expect(given.map(({ kind, metadata: { name, namespace } }) => `${kind} ${namespace}/${name}`)).toEqual(
    Object.keys(DASHBOARDS).map((name) => `ConfigMap modelship/modelship-${name}`),
  );
  for (const [at, name] of Object.keys(DASHBOARDS).entries()) {
    const { data } = given[at] as unknown as { data: Record<string, string> };
    expect(data).toEqual({
      [`modelship-${name}.json`]: await readFile(join(CHART, `files/dashboards/${name}.json`), 'utf8'),
    });
  }
});

it('puts them where the sidecar looks', async () => {
  const values = ['enabled=true', 'namespace=grafana', 'annotations.grafana_folder=Models', 'labels.team=ml'];
  const given = (await template('modelship', ...values.map((value) => `${SWITCH}.${value}`))).filter(isDashboard);
  expect(given).toHaveLength(Object.keys(DASHBOARDS).length);
  for (const { metadata } of given) {
    expect(metadata).toMatchObject({
      namespace: 'grafana',
      annotations: { grafana_folder: 'Models' },
      labels: { team: 'ml', grafana_dashboard: '1' },
    });
  }
});
