/** The GPU of a replica, in one of four ways to ask for one. */
import { z } from 'zod';
import { bytes, dnsName, field, labelValue, withRules } from './fields.ts';

const claim = z.strictObject({
  deviceClass: field(dnsName(), 'DeviceClass to claim from.'),
  count: field(z.int().min(1).max(64).optional(), 'Devices for each replica.', { unit: 'devices', default: 1 }),
  selectors: field(
    z.array(z.string().min(1).max(1024)).max(8).optional(),
    'CEL expressions over the device, all of which must hold.',
    { absent: 'any device of the class' },
  ),
});

export const gpu = withRules(
  z.strictObject({
    count: field(z.int().min(1).max(64).optional(), 'Whole GPUs for each replica.', {
      unit: 'GPUs',
      absent: 'another of the four counts',
    }),
    mig: field(
      z
        .string()
        .max(32)
        .regex(/^[0-9]+g\.[0-9]+gb(\.me)?$/, 'expected a MIG profile such as 1g.10gb')
        .optional(),
      'One MIG slice of this profile for each replica, such as `1g.10gb`.',
      { absent: 'another of the four counts' },
    ),
    shared: field(z.boolean().optional(), 'A time-sliced share of a GPU for each replica.', { default: false }),
    claim: field(
      claim.optional(),
      'Devices by Dynamic Resource Allocation, where the cluster serves resource.k8s.io/v1.',
      { absent: 'another of the four counts' },
    ),
    products: field(
      z.array(labelValue().min(1)).min(1).max(16).optional(),
      'GPU products that will do, as GPU Feature Discovery labels nodes (`nvidia.com/gpu.product`).',
      { absent: 'any product' },
    ),
    minMemory: field(bytes().optional(), 'Least memory of the GPU.', { unit: 'bytes', absent: 'any size' }),
    resource: field(
      z
        .string()
        .max(253)
        .regex(/^[a-z0-9.-]+\/[A-Za-z0-9._-]+$/, 'expected an extended resource name such as nvidia.com/gpu')
        .optional(),
      'Extended resource that stands for a GPU.',
      { default: 'nvidia.com/gpu' },
    ),
    runtimeClass: field(dnsName().optional(), 'RuntimeClass of pods that have a GPU.', {
      absent: "the cluster's own",
    }),
  }),
  [
    {
      cel: '[has(self.count), has(self.mig), has(self.shared) && self.shared, has(self.claim)].filter(x, x).size() == 1',
      message: 'give exactly one of count, mig, shared, claim',
      holds: (g) =>
        [g.count !== undefined, g.mig !== undefined, g.shared === true, g.claim !== undefined].filter(Boolean)
          .length === 1,
    },
  ],
);
