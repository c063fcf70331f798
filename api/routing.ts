/** Optional routing in front of the pods. */
import { z } from 'zod';
import { field } from './fields.ts';

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

const gateway = z.strictObject({
  parentRefs: field(z.array(parentRef).min(1).max(8), 'Gateways that the routes attach to.'),
  hostnames: field(z.array(hostname).max(16).optional(), 'Host names of the routes.', {
    absent: "every host of the gateway's listeners",
  }),
});

export const routing = z.strictObject({
  gateway: field(gateway.optional(), 'Split by a Gateway (HTTPRoute and GRPCRoute) instead of in the pods.', {
    absent: 'the pods split',
  }),
});
