/** What the chart makes of the alert rules: helm's braces are not Prometheus', and values change what they are to change. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { SETTINGS } from '../../charts/alerts/settings.ts';
import { ALERTS } from '../../charts/alerts.ts';
import type { KubeObject } from '../../operator/render/objects.ts';
import { chartTool } from '../chart/build.ts';
import { template } from '../cluster/chart/helm.ts';
import { monitoringTool } from './build.ts';

interface Rule {
  alert?: string;
  record?: string;
  expr: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

interface Rules {
  groups: { name: string; rules: Rule[] }[];
}

let promtool: string;
beforeAll(async () => {
  const log = (line: string) => process.stderr.write(`${line}\n`);
  promtool = await monitoringTool('promtool', log);
  await chartTool('helm', log);
}, 1_800_000);

const PREFIX = 'monitoring.prometheusRule';

async function rendered(...values: string[]): Promise<KubeObject | undefined> {
  const all = await template('modelship', ...values.map((value) => `${PREFIX}.${value}`));
  return all.find(({ kind }) => kind === 'PrometheusRule');
}

async function rulesOf(...values: string[]): Promise<Rule[]> {
  const { spec } = (await rendered('enabled=true', ...values)) as KubeObject & { spec: Rules };
  const folder = await mkdtemp(join(tmpdir(), 'modelship-rules-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'rules.yaml');
  await writeFile(file, JSON.stringify(spec));
  const said = await new Promise((resolve) =>
    execFile(promtool, ['check', 'rules', '--lint=all', '--lint-fatal', file], (_, out, err) => resolve(out + err)),
  );
  expect(said).toContain('SUCCESS');
  return spec.groups.flatMap(({ rules }) => rules);
}

test('there is none unless it is asked for', async () => {
  expect(await rendered('enabled=false')).toBeUndefined();
});

test('by its defaults it is the file', async () => {
  const { spec, metadata } = (await rendered('enabled=true', 'labels.release=prometheus')) as KubeObject & {
    spec: Rules;
  };
  expect(spec).toEqual(parse(await readFile('charts/modelship/files/alerts.yaml', 'utf8')));
  expect(metadata).toMatchObject({ name: 'modelship', namespace: 'modelship', labels: { release: 'prometheus' } });
  expect(JSON.stringify(spec)).toContain('{{ $labels.namespace }}/{{ $labels.name }}');
});

describe('values', () => {
  test('set the numbers that the rules read', async () => {
    const rules = await rulesOf(
      'slo.availability=99.95',
      'slo.latencySeconds=0.2',
      'queueTimeSeconds=2',
      'rolloutStepSeconds=7200',
    );
    const settings = rules.filter(({ record }) => SETTINGS.recordings?.some((one) => one.record === record));
    expect(settings.map(({ expr }) => expr)).toEqual([
      'vector(1 - 99.95 / 100)',
      'vector(0.2)',
      'vector(2)',
      'vector(7200)',
    ]);
  });

  test('leave alerts out', async () => {
    const left = ['OperatorDown', 'OperatorNotLeading', 'OperatorReconcileErrors', 'ModelDeploymentSlow'];
    const rules = await rulesOf(`disabled={${left}}`);
    const alerts = rules.flatMap(({ alert }) => alert ?? []);
    expect(alerts).toEqual(ALERTS.map(({ alert }) => alert).filter((alert) => !left.includes(alert)));
  });

  test('0 is no bound, and what is null stays as it is in the file', async () => {
    const expressions = async (...values: string[]) =>
      (await rulesOf(...values)).flatMap(({ record, expr }) =>
        SETTINGS.recordings?.some((one) => one.record === record) ? expr : [],
      );
    expect(await expressions('queueTimeSeconds=0', 'rolloutStepSeconds=0', 'slo.availability=0')).toEqual([
      'vector(1 - 0 / 100)',
      'vector(Inf)',
      'vector(Inf)',
      'vector(Inf)',
    ]);
    const none = ['slo', 'queueTimeSeconds', 'rolloutStepSeconds', 'alertLabels', 'labels', 'disabled'];
    expect(await expressions(...none.map((name) => `${name}=null`))).toEqual(
      SETTINGS.recordings?.map(({ expr }) => expr),
    );
  });

  test('add labels, and say where the pages are', async () => {
    const rules = await rulesOf('alertLabels.team=ml', 'runbookBaseUrl=https://git.example.com/runbooks/');
    for (const { alert, labels, annotations } of rules.filter((rule) => rule.alert)) {
      expect(labels).toMatchObject({ app: 'modelship', team: 'ml', severity: expect.any(String) });
      expect(annotations?.runbook_url).toBe(`https://git.example.com/runbooks/${alert}.md`);
      expect(annotations).not.toHaveProperty('runbook');
    }
  });

  test.each([
    'disabled={OperatorDwn}',
    'slo.availability=100',
    'slo.availability=four',
    'queueTimeSeconds=-1',
    'runbookBaseUrl=here',
    'slo.latencySeconds=30',
    'queueTimeSeconds=31.5',
    'labels.release=2',
  ])('%s is refused', async (value) => {
    await expect(rendered('enabled=true', value)).rejects.toThrow(
      `/monitoring/prometheusRule/${value.split(/=/)[0]?.replaceAll('.', '/')}`,
    );
  });
});
