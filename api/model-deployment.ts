/**
 * `ModelDeployment`, the one resource that users write: the zod schema that is its type, its CRD, its editor schema and
 * its reference page.
 */
import { z } from 'zod';
import { duration, field, label, passthrough, percent, sha256, withRules } from './fields.ts';
import { rollout } from './rollout.ts';
import { serving } from './serving.ts';
import { status } from './status.ts';
import { ALL, basisPoints } from './units.ts';

export const GROUP = 'modelship.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;
export const KIND = 'ModelDeployment';

/** `NAME-VERSION-HASH8` must be a DNS label: name and version share what `-`, `-` and the hash leave of 63. */
export const NAME_AND_VERSION_MAX = 53;

const modelUri = z
  .string()
  .min(1)
  .max(2048)
  .regex(
    /^([a-z][a-z0-9+.-]*:\/\/.+|[^:]+)$/,
    'expected a URI such as s3://bucket/model.onnx, pvc://claim/model.onnx, https://…, or a path',
  );

const model = z.strictObject({
  uri: field(
    modelUri,
    'Where the ONNX file is: `s3://`, `https://`, `pvc://CLAIM/PATH`; on a laptop also `file://` or a relative path.',
  ),
  sha256: field(
    sha256().optional(),
    'Digest of the ONNX file, checked before it is opened. Without it the first digest seen is pinned in status.',
  ),
});

const golden = z.strictObject({
  uri: field(modelUri, 'Where the file of golden requests is.'),
  tolerance: field(
    z.number().min(0).optional(),
    'Largest absolute difference of a number that still counts as equal.',
    {
      default: 1e-4,
    },
  ),
});

const version = withRules(
  z.strictObject({
    name: field(label(40), 'Name of the version, unique in the list.'),
    model: field(
      withRules(model, [
        { cel: 'self == oldSelf', message: "a version's model is immutable: to change the model, add a version" },
      ]),
      'The model. Immutable: to change it, add a version.',
    ),
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
    golden: field(golden.optional(), 'Requests with the answers they must get before the version is ready.'),
    serving: field(serving.optional(), 'Overrides of `spec.serving` for this version.'),
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

const takesTraffic = (v: { shadow?: number | undefined }): boolean => v.shadow === undefined;

const versions = withRules(
  z
    .array(version)
    .min(1)
    .max(16)
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
  [
    {
      cel:
        'self.map(v, has(v.traffic) ? int(v.traffic * 100.0 + 0.5) : 0).sum() == 10000 || ' +
        '(self.all(v, !has(v.traffic)) && self.filter(v, !has(v.shadow)).size() == 1)',
      message: 'the traffic of the versions must add up to 100',
      holds: (list) =>
        list.reduce((sum, v) => sum + basisPoints(v.traffic ?? 0), 0) === ALL ||
        (list.every((v) => v.traffic === undefined) && list.filter(takesTraffic).length === 1),
    },
  ],
);

const parentRef = z.strictObject({
  group: field(z.string().max(253).optional(), 'API group of the parent.', { default: 'gateway.networking.k8s.io' }),
  kind: field(z.string().min(1).max(63).optional(), 'Kind of the parent.', { default: 'Gateway' }),
  name: field(z.string().min(1).max(253), 'Name of the parent.'),
  namespace: field(z.string().min(1).max(63).optional(), 'Namespace of the parent; by default our own.'),
  sectionName: field(z.string().min(1).max(253).optional(), 'Listener of the parent.'),
  port: field(z.int().min(1).max(65535).optional(), 'Port of the parent.'),
});

const routing = z.strictObject({
  gateway: field(
    z
      .strictObject({
        parentRefs: field(z.array(parentRef).min(1).max(8), 'Gateways that the routes attach to.'),
        hostnames: field(z.array(z.string().min(1).max(253)).max(16).optional(), 'Host names of the routes.'),
      })
      .optional(),
    'Split by a Gateway (HTTPRoute and GRPCRoute) instead of in the pods.',
  ),
});

/** What the user asks for. */
export const spec = z.strictObject({
  versions: field(versions, 'The versions of the model and the share of requests that each answers.'),
  serving: field(serving.optional(), 'How every version is served; a version may override any of it.'),
  cohort: field(
    z
      .strictObject({
        header: field(
          z
            .string()
            .min(1)
            .max(128)
            .regex(/^[a-z0-9!#$%&'*+.^_`|~-]+$/, 'expected a header name in lower case'),
          'Request header whose value keeps its version.',
        ),
      })
      .optional(),
    'Optional stickiness: requests with the same value of the header get the same version.',
  ),
  rollout: field(
    rollout.optional(),
    'How the split moves. Without it the stated split takes effect when all its versions are ready.',
  ),
  retireAfter: field(duration().optional(), 'How long an old version outlives its last traffic.', { default: '30s' }),
  routing: field(routing.optional(), 'Optional routing in front of the pods.'),
});

export const modelDeployment = withRules(
  z.strictObject({
    apiVersion: field(z.literal(API_VERSION), 'Version of this API.'),
    kind: field(z.literal(KIND), 'Kind of the resource.'),
    metadata: field(
      z.looseObject({
        name: field(label(40), 'Name of the ModelDeployment, and of the model in every protocol.'),
        namespace: field(z.string().max(63).optional(), 'Namespace in a cluster; ignored on a laptop.'),
        labels: field(z.record(z.string(), z.string()).optional(), 'Labels.'),
        annotations: field(z.record(z.string(), z.string()).optional(), 'Annotations.'),
      }),
      'Name, namespace, labels and annotations, as in every Kubernetes resource.',
    ),
    spec: field(spec, 'What is asked for.'),
    status: field(status.optional(), 'What is. Written by the operator.'),
  }),
  [
    {
      cel: "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && size(self.metadata.name) <= 40",
      message: 'metadata.name must be at most 40 lower-case letters, digits and "-", starting with a letter',
    },
    {
      cel: `self.spec.versions.all(v, size(self.metadata.name) + size(v.name) <= ${NAME_AND_VERSION_MAX})`,
      message: `the names of the ModelDeployment and of a version may have ${NAME_AND_VERSION_MAX} characters together`,
      holds: (md) => md.spec.versions.every((v) => md.metadata.name.length + v.name.length <= NAME_AND_VERSION_MAX),
      path: ['spec', 'versions'],
    },
  ],
);

/** A Kubernetes object that the contract does not describe further. */
export const otherObject = passthrough();

export type ModelDeployment = z.output<typeof modelDeployment>;
export type ModelDeploymentSpec = z.output<typeof spec>;
export type Version = z.output<typeof version>;
