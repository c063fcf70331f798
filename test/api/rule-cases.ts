/**
 * One table of manifests that must be accepted or refused, for every rule that is stated twice: in CEL for the API server
 * and as a predicate for files. `rules.test.ts` replays it on the schemas, `test/cluster/crd` on a real API server.
 */
import { type Fields, manifest, version, withModel, withPod, withServing, withVersions } from './builders.ts';
import { routing } from './rule-cases-routing.ts';
import { durations, rollouts, serving } from './rule-cases-spec.ts';

export interface RuleCase {
  /** The manifest that is there already; absent for one that is created. */
  before?: Fields;
  manifest: Fields;
  /** Part of the message that refuses it, the same from a file and from the API server; absent for one that is right. */
  refused?: string;
  /** Part of the API server's message where Kubernetes words it itself. */
  refusedByServer?: string;
}

const SUM = 'the traffic of the versions must add up to 100';
const SHADOW = 'a shadow version takes no traffic: give either traffic or shadow';
const DECIMALS = 'expected a percentage with at most two decimals';
const NAMES = 'the names of the ModelDeployment and of a version may have at most 53 characters together';
const IMMUTABLE = "a version's model is immutable: to change the model, add a version with another name";
const DIGEST = "a version's sha256 may be added, not changed or removed: to change the model, add a version";
const INSIDE = 'a pvc:// path stays inside its volume: it may not hold ".."';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const uri = 's3://models/digits/1/model.onnx';

const traffic: Record<string, RuleCase> = {
  'the only version may leave its traffic out': { manifest: manifest() },
  'one version and a shadow may leave traffic out': {
    manifest: withVersions(version('v1'), version('v2', { shadow: 20 })),
  },
  'two versions that sum to 100': {
    manifest: withVersions(version('v1', { traffic: 90 }), version('v2', { traffic: 10 })),
  },
  'hundredths that sum to 100': {
    manifest: withVersions(
      version('v1', { traffic: 33.33 }),
      version('v2', { traffic: 33.33 }),
      version('v3', { traffic: 33.34 }),
    ),
  },
  'a sum that binary fractions miss by a hair': {
    manifest: withVersions(
      version('v1', { traffic: 70.1 }),
      version('v2', { traffic: 20.2 }),
      version('v3', { traffic: 9.7 }),
    ),
  },
  'a version left out of a stated sum counts as zero': {
    manifest: withVersions(version('v1', { traffic: 100 }), version('v2')),
  },
  'a sum below 100': {
    manifest: withVersions(version('v1', { traffic: 90 }), version('v2', { traffic: 5 })),
    refused: SUM,
  },
  'a sum above 100 by a hundredth': {
    manifest: withVersions(version('v1', { traffic: 90.01 }), version('v2', { traffic: 10 })),
    refused: SUM,
  },
  'two versions that leave traffic out': { manifest: withVersions(version('v1'), version('v2')), refused: SUM },
  'only a shadow': { manifest: withVersions(version('v1', { shadow: 10 })), refused: SUM },
  'traffic and shadow on one version': {
    manifest: withVersions(version('v1', { traffic: 90 }), version('v2', { traffic: 10, shadow: 5 })),
    refused: SHADOW,
  },
  'no traffic, said aloud, beside a shadow': {
    manifest: withVersions(version('v1', { traffic: 100 }), version('v2', { traffic: 0, shadow: 5 })),
  },
  'a percentage of two decimals': { manifest: withVersions(version('v1'), version('v2', { shadow: 0.01 })) },
  'a percentage of three decimals': {
    manifest: withVersions(version('v1'), version('v2', { shadow: 0.125 })),
    refused: DECIMALS,
  },
};

const names: Record<string, RuleCase> = {
  'names of 53 characters together': {
    manifest: manifest({ versions: [version(`v${'1'.repeat(12)}`)] }, 'd'.repeat(40)),
  },
  'names of 54 characters together': {
    manifest: manifest({ versions: [version(`v${'1'.repeat(13)}`)] }, 'd'.repeat(40)),
    refused: NAMES,
  },
  'a name of 41 characters': {
    manifest: manifest({}, 'd'.repeat(41)),
    refused: 'at most 40',
  },
  'a name that Kubernetes would take, with a dot': {
    manifest: manifest({}, 'digits.v1'),
    refused: 'lower-case letters, digits and "-", starting with a letter',
  },
  'a version named twice': {
    manifest: withVersions(version('v1', { traffic: 90 }), version('v1', { traffic: 10 })),
    refused: 'duplicate name "v1"',
    refusedByServer: 'Duplicate value: {"name":"v1"}',
  },
  'an environment variable given twice': {
    manifest: withPod({ env: [{ name: 'A' }, { name: 'A' }] }),
    refused: 'duplicate name "A"',
    refusedByServer: 'Duplicate value: {"name":"A"}',
  },
  'a protocol given twice': {
    manifest: withServing({ protocols: ['rest', 'rest'] }),
    refused: 'duplicate item "rest"',
    refusedByServer: 'Duplicate value: "rest"',
  },
};

const models: Record<string, RuleCase> = {
  'a model that stays': { before: withModel({ uri }), manifest: withModel({ uri }) },
  'a model at another address': {
    before: withModel({ uri }),
    manifest: withModel({ uri: 's3://models/digits/2/model.onnx' }),
    refused: IMMUTABLE,
  },
  'another model under another name': { before: withModel({ uri }), manifest: withVersions(version('v2')) },
  'a digest that is added': { before: withModel({ uri }), manifest: withModel({ uri, sha256: A }) },
  'a digest that is changed': {
    before: withModel({ uri, sha256: A }),
    manifest: withModel({ uri, sha256: B }),
    refused: DIGEST,
  },
  'a digest that is taken away': {
    before: withModel({ uri, sha256: A }),
    manifest: withModel({ uri }),
    refused: DIGEST,
  },
  'versions in another order': {
    before: withVersions(version('v1', { traffic: 100 }), version('v2')),
    manifest: withVersions(version('v2'), version('v1', { traffic: 100 })),
  },
  'a path inside a volume': { manifest: withModel({ uri: 'pvc://models/digits/..hidden/model.onnx' }) },
  'a path that leaves its volume': { manifest: withModel({ uri: 'pvc://models/../secrets/x' }), refused: INSIDE },
  'a path that ends above its volume': { manifest: withModel({ uri: 'pvc://models/digits/..' }), refused: INSIDE },
  'golden requests that leave their volume': {
    manifest: withVersions(version('v1', { golden: { uri: 'pvc://models/../golden.json' } })),
    refused: INSIDE,
  },
  'a tolerance of nothing': {
    manifest: withVersions(version('v1', { golden: { uri: 'configmap://a/golden.json', tolerance: 0 } })),
  },
  'other golden requests for the same version': {
    before: withVersions(version('v1', { golden: { uri: 'configmap://a/golden.json' } })),
    manifest: withVersions(version('v1', { golden: { uri: 'configmap://b/golden.json' } })),
  },
  'a path of a laptop may go up': { manifest: withModel({ uri: '../models/model.onnx' }) },
};

/** By what is tried, in prose. */
export const RULE_CASES: Readonly<Record<string, RuleCase>> = {
  ...traffic,
  ...names,
  ...models,
  ...serving,
  ...rollouts,
  ...routing,
  ...durations(),
};
