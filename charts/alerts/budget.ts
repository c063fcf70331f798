/**
 * How fast the error budget burns, by several windows (Google, The Site Reliability Workbook, chapter 5, "Multiwindow,
 * multi-burn-rate alerts"): the long window says that it matters, the short one that it goes on.
 *
 * With a budget b of failed requests in 30 days, a share of failures of n · b uses it up in 30 / n days:
 *
 *   | severity | windows  | n    | budget that is gone by then |
 *   |----------|----------|------|-----------------------------|
 *   | critical | 1 h, 5 m | 14.4 |  2 %                        |
 *   | critical | 6 h, 30 m|  6   |  5 %                        |
 *   | warning  | 1 d, 2 h |  3   | 10 %                        |
 *   | warning  | 3 d, 6 h |  1   | 10 %                        |
 */
import { asking, askingAll, type Group, MODEL, NAMED, named, type Recording } from './rule.ts';
import { ERROR_BUDGET } from './settings.ts';

/** Fewer failures than this within the long window are no alert, however few requests there were. */
const FEWEST_FAILURES = 10;

const REQUESTS = 'modelship:requests:rate5m';
const FAILED = 'modelship:requests_failed:rate5m';
const FAILURES = 'modelship:requests_failed:increase1h';
const ratio = (window: string): string => `modelship:requests_failed:ratio_rate${window}`;
const BY_VERSION = 'namespace, model, version';

/**
 * Failures that users saw, by version: what it answered with 5xx, less what another version answered in its place. Such a
 * request is counted twice, once as the version's failure and once as the answer of the one that shielded it; the
 * counter of the shield has no model. The pod that shielded may be gone while its failures are still within the window.
 */
const failedByVersion = `clamp_min(
  sum by (${BY_VERSION}) (rate(modelship_requests_total{code=~"5.."}[5m]))
  - on (${BY_VERSION}) (
    sum by (${BY_VERSION}) (
      rate(modelship_shielded_requests_total{reason=~"error|timeout"}[5m])
      * on (namespace, job, instance) group_left (model)
      max by (namespace, job, instance, model) (max_over_time(modelship_info[5m]))
    )
    or on (${BY_VERSION})
    0 * sum by (${BY_VERSION}) (rate(modelship_requests_total{code=~"5.."}[5m]))
  ),
  0
)`;

/** An average of rates weighs each moment by its requests, which an average of ratios would not. */
const over = (window: string): Recording => ({
  record: ratio(window),
  expr: `sum_over_time(${FAILED}[${window}]) / on (${MODEL}) sum_over_time(${REQUESTS}[${window}])`,
});

const recordings: readonly Recording[] = [
  { record: REQUESTS, expr: named('rate(modelship_requests_total{code!="499"}[5m])') },
  { record: FAILED, expr: `${named(failedByVersion)}\nor on (${MODEL})\n0 * ${REQUESTS}` },
  { record: FAILURES, expr: named('increase(modelship_requests_total{code=~"5.."}[1h])') },
  { record: ratio('5m'), expr: `${FAILED} / on (${MODEL}) ${REQUESTS}` },
  ...['30m', '1h', '2h', '6h'].map(over),
];

function burns(long: string, short: string, times: number): string {
  const faster = (window: string) => `${ratio(window)} > ${times} * scalar(${ERROR_BUDGET})`;
  const failures = long === '1h' ? FAILURES : `sum_over_time(${FAILURES}[${long}:1h])`;
  return `(
  ${faster(long)}
  and on (${MODEL}) ${faster(short)}
  and on (${MODEL}) ${failures} >= ${FEWEST_FAILURES}
)`;
}

const share = (window: string): string =>
  asking(
    `${ratio(window)}{namespace=%q, name=%q}`,
    ['namespace', 'name'],
    '{{ .Value | humanizePercentage }}',
    'not known',
  );
/** @param window that tells how fast it burns */
const lasts = (window: string): string =>
  asking(
    `30 * 24 * 3600 * scalar(${ERROR_BUDGET}) / ${ratio(window)}{namespace=%q, name=%q}`,
    ['namespace', 'name'],
    '{{ .Value | humanizeDuration }}',
    'an unknown time',
  );
const budget = asking(ERROR_BUDGET, [], '{{ .Value | humanizePercentage }}', 'not known');
const byVersion = askingAll(
  'sort_desc(sum by (version, code) (rate(modelship_requests_total{namespace=%q, model=%q, code=~"5.."}[5m])) > 0)',
  ['namespace', 'name'],
  '{{ .Labels.version }} {{ .Labels.code }} {{ .Value | printf "%.3g" }}',
  'none',
);

const FAST: Group = {
  name: 'modelship.error-budget',
  recordings,
  alerts: [
    {
      alert: 'ErrorBudgetBurnsFast',
      expr: `${burns('1h', '5m', 14.4)}\nor on (${MODEL})\n${burns('6h', '30m', 6)}`,
      for: '2m',
      severity: 'critical',
      summary: `${NAMED} fails {{ $value | humanizePercentage }} of its requests`,
      description: `ModelDeployment ${NAMED} failed ${share('5m')} of its requests in 5 minutes, ${share('1h')} in an hour, ${share('6h')} in six; ${budget} may fail. At the rate of the last hour the budget of 30 days lasts ${lasts('1h')}. Failures a second by version and code:${byVersion} see modelship describe.`,
    },
  ],
};

/** Windows of days read thousands of samples a model: 3 s of processor time for 1,000 of them, which is too much twice a minute. */
const SLOW: Group = {
  name: 'modelship.error-budget-days',
  interval: '2m',
  recordings: ['1d', '3d'].map(over),
  alerts: [
    {
      alert: 'ErrorBudgetBurnsSlowly',
      expr: `${burns('1d', '2h', 3)}\nor on (${MODEL})\n${burns('3d', '6h', 1)}`,
      for: '15m',
      severity: 'warning',
      summary: `${NAMED} fails {{ $value | humanizePercentage }} of its requests, more than was agreed`,
      description: `ModelDeployment ${NAMED} failed ${share('2h')} of its requests in two hours, ${share('1d')} in a day, ${share('3d')} in three; ${budget} may fail. At the rate of the last day the budget of 30 days lasts ${lasts('1d')}. Failures a second by version and code:${byVersion} see modelship describe.`,
    },
  ],
};

export const BUDGETS: readonly Group[] = [FAST, SLOW];
