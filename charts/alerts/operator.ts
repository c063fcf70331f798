/** The operator itself. Models answer without it; nothing is rolled out, taken back or mended. */
import type { Group } from './rule.ts';

const INSTALL = 'namespace, job';
const PASSES = 'modelship_operator_reconciles_total';
const passes = (selector: string): string => `sum by (${INSTALL}) (rate(${PASSES}${selector}[10m]))`;

export const OPERATOR: Group = {
  name: 'modelship.operator',
  alerts: [
    {
      alert: 'OperatorDown',
      expr: 'absent(modelship_operator_leading)',
      for: '5m',
      severity: 'critical',
      summary: 'No operator of Modelship is seen',
      description:
        'Prometheus has not seen the metric modelship_operator_leading for 5 minutes: no operator runs, or none is scraped. Models answer on; nothing is rolled out, taken back or mended, and the other alerts about ModelDeployments and rollouts are blind.',
    },
    {
      alert: 'OperatorNotLeading',
      expr: `sum by (${INSTALL}) (modelship_operator_leading) != 1`,
      for: '5m',
      severity: 'critical',
      summary: '{{ $labels.namespace }}: {{ $value }} replicas of the operator lead',
      description:
        'Of the replicas of the operator in namespace {{ $labels.namespace }} (job {{ $labels.job }}) {{ $value }} have led for 5 minutes; it is to be 1. With none, nothing is rolled out, taken back or mended; more than one is a defect.',
    },
    {
      alert: 'OperatorReconcileErrors',
      expr: `${passes('{outcome=~"retry|error"}')}
/ on (${INSTALL})
${passes('')}
> 0.1`,
      for: '15m',
      severity: 'warning',
      summary: '{{ $labels.namespace }}: {{ $value | humanizePercentage }} of what the operator does fails',
      description:
        'Of the passes of the operator in namespace {{ $labels.namespace }} (job {{ $labels.job }}) over ModelDeployments {{ $value | humanizePercentage }} have failed and are tried again; its log names them.',
    },
  ],
};
