/**
 * `ModelDeployment`, the one resource that users write: the zod schema that is its type, its CRD, its editor schema and
 * its reference page.
 */
import { z } from 'zod';
import { duration, field, keyedBy, label, mapOf, passthrough, percent, withRules } from './fields.ts';
import { golden, model } from './model.ts';
import { rollout } from './rollout.ts';
import { routing } from './routing.ts';
import { serving } from './serving.ts';
import { status } from './status.ts';
import { ALL, basisPoints, percentOf } from './units.ts';

export const GROUP = 'modelship.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;
export const KIND = 'ModelDeployment';

/** `NAME-VERSION-HASH8` must be a DNS label: name and version share what `-`, `-` and the hash leave of 63. */
export const NAME_AND_VERSION_MAX = 53;

const version = withRules(
  z.strictObject({
    name: field(label(40), 'Name of the version, unique in the list.'),
    model: field(model, 'The model. Immutable: to change it, add a version.'),
    traffic: field(
      percent().optional(),
      'Requests that this version answers. The sum over the versions is 100; the only version that takes traffic may leave it out.',
      { unit: 'percent', default: 0 },
    ),
    shadow: field(
      percent().optional(),
      'Requests that are copied to this version; its answers are compared, never returned.',
      { unit: 'percent', default: 0 },
    ),
    golden: field(golden.optional(), 'Requests with the answers they must get before the version is ready.', {
      absent: 'none are replayed',
    }),
    serving: field(serving.optional(), 'Overrides of `spec.serving` for this version, field by field.', {
      absent: 'as in `spec.serving`',
    }),
  }),
  [
    {
      cel: '!(has(self.traffic) && self.traffic > 0.0 && has(self.shadow) && self.shadow > 0.0)',
      message: 'a shadow version takes no traffic: give either traffic or shadow',
      holds: (v) => !((v.traffic ?? 0) > 0 && (v.shadow ?? 0) > 0),
      path: ['shadow'],
    },
  ],
);

type Share = { traffic?: number | undefined; shadow?: number | undefined };

const statedPoints = (list: readonly Share[]): number => list.reduce((sum, v) => sum + basisPoints(v.traffic ?? 0), 0);

const POINTS_IN_CEL = 'self.map(v, has(v.traffic) ? int(v.traffic * 100.0 + 0.5) : 0).sum()';

const versions = withRules(keyedBy(z.array(version).min(1).max(16), ['name']), [
  {
    cel: `${POINTS_IN_CEL} == ${ALL} || (self.all(v, !has(v.traffic)) && self.filter(v, !has(v.shadow)).size() == 1)`,
    message: 'the traffic of the versions must add up to 100',
    detail: (list) => `, not ${percentOf(statedPoints(list))}`,
    holds: (list) =>
      statedPoints(list) === ALL ||
      (list.every((v) => v.traffic === undefined) && list.filter((v) => v.shadow === undefined).length === 1),
  },
]);

const cohort = z.strictObject({
  header: field(
    z
      .string()
      .min(1)
      .max(128)
      .regex(/^[a-z0-9!#$%&'*+.^_`|~-]+$/, 'expected a header name in lower case'),
    'Request header whose value keeps its version.',
  ),
});

/** What the user asks for. */
export const spec = z.strictObject({
  versions: field(versions, 'The versions of the model and the share of requests that each answers.'),
  serving: field(serving.optional(), 'How every version is served; a version may override any of it.', {
    absent: 'its defaults count',
  }),
  cohort: field(cohort.optional(), 'Stickiness: requests with the same value of the header get the same version.', {
    absent: 'each request is drawn by itself',
  }),
  rollout: field(rollout.optional(), 'How the split moves from what is served to what is asked for.', {
    absent: 'the stated split takes effect when all its versions are ready',
  }),
  retireAfter: field(duration().optional(), 'How long an old version outlives its last traffic.', { default: '30s' }),
  routing: field(routing.optional(), 'Routing in front of the pods.', { absent: 'the pods split' }),
});

const strings = () => mapOf(z.string(), 256);

const metadata = z.looseObject({
  name: field(label(40), 'Name of the ModelDeployment, and of the model in every protocol.'),
  namespace: field(z.string().max(63).optional(), 'Namespace in a cluster; ignored on a laptop.', {
    absent: "the client's own",
  }),
  labels: field(strings().optional(), 'Labels.', { absent: 'none' }),
  annotations: field(strings().optional(), 'Annotations.', { absent: 'none' }),
});

const NAMES_MESSAGE = `the names of the ModelDeployment and of a version may have at most ${NAME_AND_VERSION_MAX} characters together`;

export const modelDeployment = withRules(
  z.strictObject({
    apiVersion: field(z.literal(API_VERSION), 'Version of this API.'),
    kind: field(z.literal(KIND), 'Kind of the resource.'),
    metadata: field(metadata, 'Name, namespace, labels and annotations, as in every Kubernetes resource.'),
    spec: field(spec, 'What is asked for.'),
    status: field(status.optional(), 'What is. Written by the operator.', { absent: 'nothing was seen yet' }),
  }),
  [
    {
      cel: "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && size(self.metadata.name) <= 40",
      message: 'metadata.name must be at most 40 lower-case letters, digits and "-", starting with a letter',
    },
    {
      cel: `self.spec.versions.all(v, size(self.metadata.name) + size(v.name) <= ${NAME_AND_VERSION_MAX})`,
      message: NAMES_MESSAGE,
      holds: (md) => md.spec.versions.every((v) => md.metadata.name.length + v.name.length <= NAME_AND_VERSION_MAX),
      path: ['spec', 'versions'],
    },
    {
      cel:
        '!has(self.spec.routing) || !has(self.spec.routing.gateway) || !has(self.spec.routing.gateway.cohorts) || ' +
        'self.spec.routing.gateway.cohorts.all(c, self.spec.versions.exists(v, v.name == c.version))',
      message: 'a cohort of spec.routing.gateway names a version that is not listed',
      holds: ({ spec: { routing, versions } }) =>
        (routing?.gateway?.cohorts ?? []).every((c) => versions.some((v) => v.name === c.version)),
      path: ['spec', 'routing', 'gateway', 'cohorts'],
    },
  ],
);

/** A Kubernetes object that the contract does not describe further. */
export const otherObject = passthrough();

export type ModelDeployment = z.output<typeof modelDeployment>;
export type ModelDeploymentSpec = z.output<typeof spec>;
export type Version = z.output<typeof version>;
