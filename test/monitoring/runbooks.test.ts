/** The alerts and their pages hold together. Links and commands of the pages: test/house/docs.test.ts. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROLLOUT_REASONS } from '../../api/status.ts';
import { ALERTS, alertRules } from '../../charts/alerts.ts';
import { REASONS } from '../../operator/reconcile/status/reasons.ts';
import { LOAD_ERRORS, REQUEST_ERRORS } from '../../runtime/errors.ts';
import { LISTED } from '../docs/metrics-page.ts';

const FOLDER = 'docs/runbooks';
const SECTIONS = ['Impact', 'See', 'Usual causes', 'Do', 'Escalate'];
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');
const pages = readdirSync(FOLDER).filter((name) => name !== 'README.md');

test('each alert names its page', () => {
  const { groups } = alertRules() as {
    groups: { rules: { alert?: string; annotations?: Record<string, string> }[] }[];
  };
  for (const { alert, annotations } of groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert)) {
    expect(annotations?.runbook).toBe(`${FOLDER}/${alert}.md`);
    expect(annotations).not.toHaveProperty('runbook_url');
  }
});

test('each alert has a page, and each page an alert', () => {
  expect(pages.toSorted()).toEqual(ALERTS.map(({ alert }) => `${alert}.md`).toSorted());
});

test('the index has each, with its severity, in their order', () => {
  const rows = [...read('README.md').matchAll(/^\| \[(\w+)\]\((\w+)\.md\) \| (\w+) \| (.*) \|$/gm)];
  expect(rows.map(([, alert, page, severity]) => ({ alert, page, severity }))).toEqual(
    ALERTS.map(({ alert, severity }) => ({ alert, page: alert, severity })),
  );
  for (const [, alert, , , when = ''] of rows) {
    const { for: holds } = ALERTS.find((one) => one.alert === alert) ?? {};
    // Two minutes against blips are no news.
    if (holds !== undefined && (holds !== '2m' || alert === 'ModelDeploymentUnavailable')) {
      expect(when, alert).toContain(`for ${holds.replace('m', ' m')}`);
    }
  }
});

describe.each(ALERTS)('$alert', ({ alert, severity, for: holds }) => {
  const page = read(`${alert}.md`);

  test('has its name, its severity and all sections, none of them empty', () => {
    expect(page.startsWith(`# ${alert}\n\n${severity[0]?.toUpperCase()}${severity.slice(1)}`)).toBe(true);
    const [, ...sections] = page.split(/^## /m);
    expect(sections.map((section) => section.split('\n')[0])).toEqual(SECTIONS);
    for (const section of sections) expect(section.split('\n').slice(1).join('').length).toBeGreaterThan(20);
    if (holds && holds !== '2m') expect(page).toContain(`${Number.parseInt(holds, 10)} minutes`);
  });

  test('names reasons and codes that there are', () => {
    const known = [
      ...Object.keys(REASONS),
      ...ROLLOUT_REASONS,
      ...LOAD_ERRORS,
      ...Object.keys(REQUEST_ERRORS),
      ...OF_KUBERNETES,
    ];
    const cells = [...page.matchAll(/^\| ([^|]*) \|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`(\w+)`/g)]);
    const words = cells
      .map(([, word]) => word as string)
      .filter((word) => /^[A-Z]\w*[a-z_]\w*$|^[A-Z]+_[A-Z_]+$/.test(word));
    expect(words.filter((word) => !known.includes(word))).toEqual([]);
  });

  test('names metrics that there are', () => {
    const names = [...page.matchAll(/\bmodelship_\w+/g)].map(([name]) => name);
    expect(names.filter((name) => !LISTED.has(name))).toEqual([]);
  });

  test('asks kubectl for what there is', () => {
    const asked = [...page.matchAll(/\bkubectl(?: -n \S+)? (?!modelship)([a-z]+)(?: --raw)? ([^\s`;]+)/g)];
    const odd = asked.filter(([, verb = '', what = '']) => !VERBS[verb]?.test(what)).map(([all]) => all);
    expect(odd).toEqual([]);
  });
});

/** What pods are said to be in by kubectl, not by the operator. */
const OF_KUBERNETES = ['CrashLoopBackOff', 'Pending'];

const KINDS =
  /^(\/api\/v1\/namespaces\/.*|(pods?|nodes|events|leases|deployments?|modeldeployments?|horizontalpodautoscalers|configmap|httproute|servicemonitors)(,.*)?)$/;
const VERBS: Readonly<Record<string, RegExp>> = {
  get: KINDS,
  describe: KINDS,
  delete: KINDS,
  scale: KINDS,
  edit: KINDS,
  top: /^pods$/,
  logs: /^-l$/,
};
