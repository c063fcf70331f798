/** Optional routing in front of the pods. */
import { z } from 'zod';
import { field, keyedBy, label, setOf, withRules } from './fields.ts';

const parentRef = z.strictObject({
  group: field(z.string().max(253).optional(), 'API group of the parent.', { default: 'gateway.networking.k8s.io' }),
  kind: field(z.string().min(1).max(63).optional(), 'Kind of the parent.', { default: 'Gateway' }),
  name: field(z.string().min(1).max(253), 'Name of the parent.'),
  namespace: field(z.string().min(1).max(63).optional(), 'Namespace of the parent.', {
    absent: 'the namespace of the ModelDeployment',
  }),
  sectionName: field(z.string().min(1).max(253).optional(), 'Listener of the parent.', { absent: 'every listener' }),
  port: field(z.int().min(1).max(65_535).optional(), 'Port of the parent.', {
    unit: 'port number',
    absent: 'every port',
  }),
});

const hostname = z
  .string()
  .min(1)
  .max(253)
  .regex(
    /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    'expected a host name such as digits.example.com or *.example.com',
  );

const parentRefs = () => z.array(parentRef).min(1).max(8);
const hostnames = () => z.array(hostname).max(16);

/** Requests that name a version by this header are pinned; a cohort may not take it for something else. */
const PIN_HEADER = 'modelship-version';

const cohortHeader = withRules(
  z
    .string()
    .min(1)
    .max(128)
    .regex(/^[a-z0-9!#$%&'*+.^_`|~-]+$/, 'expected a header name in lower case'),
  [
    {
      cel: `self != '${PIN_HEADER}'`,
      message: `${PIN_HEADER} names a version by itself: take another header`,
      holds: (name) => name !== PIN_HEADER,
    },
  ],
);

const headerValue = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[!-~]([ -~]*[!-~])?$/, 'expected printable ASCII without spaces around it');

const cohort = z.strictObject({
  name: field(label(40), 'Name of the cohort, unique in the list.'),
  header: field(cohortHeader, 'Request header (of gRPC: metadata) that tells who belongs to it.'),
  values: field(
    setOf(z.array(headerValue).min(1).max(8)),
    'Values of the header, any of which will do; compared as they are.',
  ),
  version: field(
    label(40),
    'Version that answers the cohort, whatever its share, while it has a ready replica; the shares count while it has none.',
  ),
});

const pathPrefix = withRules(
  z
    .string()
    .min(2)
    .max(128)
    .regex(
      /^(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/,
      'expected a path such as /digits or /team/digits, without a "/" at its end',
    ),
  [
    {
      cel: "!(self + '/').startsWith('/v1/') && !(self + '/').startsWith('/v2/')",
      message: 'the prefix is cut off, and /v1 and /v2 start the paths that remain: take another, such as /digits',
      holds: (prefix) => !/^\/v[12](\/|$)/.test(prefix),
    },
  ],
);

const grpc = z.strictObject({
  parentRefs: field(parentRefs().optional(), 'Gateways that the GRPCRoute attaches to.', {
    absent: 'as in `parentRefs` beside it',
  }),
  hostnames: field(hostnames().optional(), 'Host names of the GRPCRoute.', { absent: 'as in `hostnames` beside it' }),
});

const gateway = z.strictObject({
  parentRefs: field(parentRefs(), 'Gateways that the routes attach to.'),
  hostnames: field(hostnames().optional(), 'Host names of the routes.', {
    absent: "every host of the gateway's listeners",
  }),
  pathPrefix: field(
    pathPrefix.optional(),
    'Path under which the gateway has the model, such as `/digits`; cut off before the request goes on. HTTP only: gRPC has no place for it.',
    { absent: 'the paths are those of the model' },
  ),
  cohorts: field(
    keyedBy(z.array(cohort).max(8), ['name']).optional(),
    'Requests that go to a version at once. The first that holds counts; a request that names its version is of none.',
    { absent: 'none' },
  ),
  routes: field(
    setOf(
      z
        .array(z.enum(['HTTPRoute', 'GRPCRoute']))
        .min(1)
        .max(2),
    ).optional(),
    'Kinds of routes to make.',
    { absent: 'an HTTPRoute, and a GRPCRoute where a version speaks gRPC' },
  ),
  grpc: field(
    grpc.optional(),
    'Where the GRPCRoute attaches, if not where the HTTPRoute does. A gateway takes only one of the two for the same listener and host name.',
    { absent: 'where the HTTPRoute attaches' },
  ),
});

export const routing = z.strictObject({
  gateway: field(gateway.optional(), 'Split by a Gateway (HTTPRoute and GRPCRoute) instead of in the pods.', {
    absent: 'the pods split',
  }),
});

export type Gateway = z.output<typeof gateway>;
export type GatewayParentRef = z.output<typeof parentRef>;
