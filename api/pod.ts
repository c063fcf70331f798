/** What is handed on to the pods of a version as it is. */
import { z } from 'zod';
import { dnsName, field, keyedBy, labelValue, mapOf, passthrough, withRules } from './fields.ts';

/** Labels and annotations under this prefix are the operator's: selectors and the rollout stand on them. */
export const RESERVED_PREFIX = 'modelship.dev/';

const withoutReserved = <T extends z.ZodType<Record<string, unknown>>>(schema: T): T =>
  withRules(schema, [
    {
      cel: `!self.exists(k, k.startsWith('${RESERVED_PREFIX}'))`,
      message: `keys that start with ${RESERVED_PREFIX} are the operator's own`,
      holds: (map) => !Object.keys(map).some((key) => key.startsWith(RESERVED_PREFIX)),
    },
  ]);

const env = withRules(
  z.strictObject({
    name: field(z.string().min(1).max(253), 'Name of the variable.'),
    value: field(z.string().max(8192).optional(), 'Its value.', { absent: '`valueFrom` counts, or it is empty' }),
    valueFrom: field(passthrough().optional(), 'Where its value comes from, as Kubernetes writes it.', {
      absent: '`value` counts',
    }),
  }),
  [
    {
      cel: '!(has(self.value) && has(self.valueFrom))',
      message: 'give either value or valueFrom, not both',
      holds: (e) => e.value === undefined || e.valueFrom === undefined,
    },
  ],
);

const pullSecret = z.strictObject({ name: field(dnsName(), 'Name of the Secret.') });

export const pod = z.strictObject({
  labels: field(withoutReserved(mapOf(labelValue(), 64)).optional(), 'Extra labels of the pods.', { absent: 'none' }),
  annotations: field(withoutReserved(mapOf(z.string().max(65_536), 64)).optional(), 'Extra annotations of the pods.', {
    absent: 'none',
  }),
  env: field(keyedBy(z.array(env).max(64), ['name']).optional(), 'Extra environment variables of the runtime.', {
    absent: 'none',
  }),
  volumes: field(z.array(passthrough()).max(32).optional(), 'Extra volumes, as Kubernetes writes them.', {
    absent: 'none',
  }),
  volumeMounts: field(z.array(passthrough()).max(32).optional(), 'Where the extra volumes are mounted.', {
    absent: 'none',
  }),
  nodeSelector: field(mapOf(labelValue(), 64).optional(), 'Labels that a node must have.', { absent: 'any node' }),
  tolerations: field(z.array(passthrough()).max(32).optional(), 'Taints to tolerate, as Kubernetes writes them.', {
    absent: 'none',
  }),
  affinity: field(passthrough().optional(), 'Affinity, as Kubernetes writes it.', { absent: 'none' }),
  topologySpreadConstraints: field(
    z.array(passthrough()).max(8).optional(),
    'How pods are spread, as Kubernetes writes it.',
    { absent: 'over hosts and zones where possible' },
  ),
  serviceAccountName: field(dnsName().optional(), 'ServiceAccount of the pods.', {
    absent: "the namespace's `default`",
  }),
  imagePullSecrets: field(
    keyedBy(z.array(pullSecret).max(8), ['name']).optional(),
    'Secrets to pull the runtime image with.',
    { absent: "the installation's, else the ServiceAccount's own" },
  ),
  priorityClassName: field(dnsName().optional(), 'PriorityClass of the pods.', { absent: "the cluster's default" }),
});
