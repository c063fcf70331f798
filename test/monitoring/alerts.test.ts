/** The alert rules, as Prometheus' own promtool judges them: that they are rules, when they fire, and what they say. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { SETTINGS, SLOWEST } from '../../charts/alerts/settings.ts';
import { ALERTS, alertsYaml, GROUPS } from '../../charts/alerts.ts';
import { monitoringTool } from './build.ts';
import { registeredMetrics } from './registered.ts';

const FOLDER = join(import.meta.dirname, 'alerts');
const RULES = 'charts/modelship/files/alerts.yaml';
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.test.yaml'));

let promtool: string;
beforeAll(async () => {
  promtool = await monitoringTool('promtool', (line) => process.stderr.write(`${line}\n`));
}, 1_200_000);

async function judge(...args: string[]): Promise<{ code: unknown; said: string }> {
  return new Promise((resolve) =>
    execFile(promtool, args, (error, out, err) => resolve({ code: error?.code ?? 0, said: `${out}${err}` })),
  );
}

test('they are rules, and none of their expressions or templates is odd', async () => {
  const { code, said } = await judge('check', 'rules', '--lint=all', '--lint-fatal', RULES);
  expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining('SUCCESS') });
});

test.each(files)('%s', { timeout: 120_000 }, async (name) => {
  const { code, said } = await judge('test', 'rules', join(FOLDER, name));
  expect({ code, said: said.trim() }).toEqual({ code: 0, said: 'SUCCESS' });
});

/** The rules of the file with another setting, beside `name`. */
function withSetting(name: string, record: string, expr: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'modelship-alerts-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const before = SETTINGS.recordings?.find((one) => one.record === record)?.expr as string;
  const found = `record: ${record}\n        expr: ${before}\n`;
  expect(alertsYaml()).toContain(found);
  writeFileSync(join(folder, 'alerts.yaml'), alertsYaml().replace(found, found.replace(before, expr)));
  writeFileSync(join(folder, name), readFileSync(join(FOLDER, name)));
  return join(folder, name);
}

test('a bound of latency, which is a setting', async () => {
  const { code, said } = await judge('test', 'rules', withSetting('slow.settings.yaml', SLOWEST, 'vector(0.2)'));
  expect({ code, said: said.trim() }).toEqual({ code: 0, said: 'SUCCESS' });
});

interface Judged {
  alertname: string;
  exp_alerts?: unknown[];
}

describe('every alert', () => {
  const all = readdirSync(FOLDER).map((name) => parse(readFileSync(join(FOLDER, name), 'utf8'), { merge: true }));
  const judged = all.flatMap(({ tests }) =>
    tests.flatMap((one: { alert_rule_test?: Judged[] }) => one.alert_rule_test ?? []),
  );

  test.each(ALERTS)('$alert is seen to fire and to be silent', ({ alert }) => {
    const mine = judged.filter(({ alertname }: Judged) => alertname === alert);
    expect(mine.some(({ exp_alerts = [] }) => exp_alerts.length > 0)).toBe(true);
    expect(mine.some(({ exp_alerts = [] }) => exp_alerts.length === 0)).toBe(true);
  });

  test.each(ALERTS)('$alert says what and how much', ({ summary, description, severity }) => {
    expect(summary.length).toBeGreaterThan(10);
    expect(description.length).toBeGreaterThan(summary.length);
    expect(['critical', 'warning', 'info']).toContain(severity);
  });

  test('has a name of its own', () => {
    expect(new Set(ALERTS.map(({ alert }) => alert)).size).toBe(ALERTS.length);
  });
});

test('every metric that they read is told by a process, or recorded by a rule above', () => {
  const known = registeredMetrics();
  for (const { recordings = [], alerts } of GROUPS) {
    const read = (text: string): void => {
      const unknown = [...text.matchAll(/modelship[_:][\w:]+/g)]
        .map(([name]) => name)
        .filter((name) => !known.has(name));
      expect(unknown).toEqual([]);
    };
    for (const { record, expr } of recordings) {
      read(expr);
      known.add(record);
    }
    for (const { expr, summary, description } of alerts) for (const text of [expr, summary, description]) read(text);
  }
});
