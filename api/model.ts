/** Where a version's model and its golden requests are. */
import { z } from 'zod';
import { field, type Rule, sha256, withRules } from './fields.ts';

/** Schemes of a model's URI. A path without a scheme is a file of the laptop. */
export const MODEL_SCHEMES = ['s3', 'https', 'http', 'pvc', 'file'] as const;

const MODEL_URI = /^(pvc:\/\/[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/.+|(s3|https|http):\/\/[^/]+\/.+|file:\/\/.+|[^:]+)$/;
/** A key of a ConfigMap may not be `.` or `..`, nor start with `..`: it is the name of a file. */
const CONFIG_MAP_URI = /^configmap:\/\/[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/([-_a-zA-Z0-9]|\.[-_a-zA-Z0-9])[-._a-zA-Z0-9]*$/;
const GOLDEN_URI = new RegExp(`${MODEL_URI.source}|${CONFIG_MAP_URI.source}`);

const FORMS = 's3://BUCKET/KEY, https://HOST/PATH, http://HOST/PATH, pvc://CLAIM/PATH, file://PATH';

const uriOf = (pattern: RegExp, message: string) =>
  withRules(z.string().min(1).max(2048).regex(pattern, message), [
    {
      cel: "!self.startsWith('pvc://') || !(self.contains('/../') || self.endsWith('/..'))",
      message: 'a pvc:// path stays inside its volume: it may not hold ".."',
      holds: (uri) => !uri.startsWith('pvc://') || !(uri.includes('/../') || uri.endsWith('/..')),
    },
  ]);

const modelFields = z.strictObject({
  uri: field(
    uriOf(MODEL_URI, `expected ${FORMS} or a path`),
    'Where the ONNX file is: `pvc://CLAIM/PATH`, `https://HOST/PATH`, `http://HOST/PATH`; on a laptop also `file://PATH` ' +
      'or a path, taken from where the YAML file is. `s3://BUCKET/KEY` is accepted and not yet read by the runtime.',
  ),
  sha256: field(
    sha256().optional(),
    'Digest of the ONNX file, checked before it is opened. It may be added later, not changed.',
    { absent: 'the first digest that a replica reports is pinned in status' },
  ),
});

/** What may not change once a version has the name. Another digest of the same address is another model. */
export const modelRules: readonly Rule<z.output<typeof modelFields>>[] = [
  {
    cel: 'self.uri == oldSelf.uri',
    message: "a version's model is immutable: to change the model, add a version with another name",
    holdsSince: (next, old) => next.uri === old.uri,
    path: ['uri'],
  },
  {
    cel: '!has(oldSelf.sha256) || (has(self.sha256) && self.sha256 == oldSelf.sha256)',
    message: "a version's sha256 may be added, not changed or removed: to change the model, add a version",
    holdsSince: (next, old) => old.sha256 === undefined || next.sha256 === old.sha256,
    path: ['sha256'],
  },
];

export const model = withRules(modelFields, modelRules);

export const golden = z.strictObject({
  uri: field(
    uriOf(GOLDEN_URI, `expected ${FORMS}, configmap://NAME/KEY or a path`),
    "Where the file of golden requests is: any form that a model's `uri` may have, or `configmap://NAME/KEY`.",
  ),
  tolerance: field(
    z.number().min(0).optional(),
    'Largest absolute difference of a floating-point number that still counts as equal; all else must be the same.',
    { unit: "the output's own", default: 1e-4 },
  ),
});

export type Model = z.output<typeof modelFields>;
