/** YAML of a page as a whole manifest: a part of a ModelDeployment is put where it belongs, so that the parser can judge it. */
import { parse, stringify } from 'yaml';

type Fields = Record<string, unknown>;

/** Where a part goes whose first key is this. */
const PLACES: Record<string, readonly string[]> = {
  ...placed([], 'spec'),
  ...placed(['spec'], 'versions', 'serving', 'cohort', 'rollout', 'retireAfter', 'routing'),
  ...placed(['spec', 'serving'], 'replicas', 'autoscaling', 'resources', 'gpu', 'batching', 'warmup', 'session'),
  ...placed(['spec', 'serving'], 'execution', 'cache', 'limits', 'protocols', 'pod'),
  ...placed(['spec', 'rollout'], 'steps', 'analysis', 'onFailure', 'signature', 'progressDeadline'),
  ...placed(['spec', 'rollout', 'analysis'], 'checks', 'compare', 'mirror'),
  ...placed(['spec', 'routing'], 'gateway'),
  ...placed(['spec', 'routing', 'gateway'], 'cohorts', 'pathPrefix', 'hostnames', 'grpc'),
};

function placed(place: readonly string[], ...keys: string[]): Record<string, readonly string[]> {
  return Object.fromEntries(keys.map((key) => [key, place]));
}

/** A manifest to judge; undefined for YAML that is not ours. */
export function manifestOf(text: string): string | undefined {
  if (/^\s*(- )?kind: ModelDeployment\s*(#.*)?$/m.test(text)) return text;
  const part: unknown = text.split(/^---$/m).length > 1 ? undefined : parse(text);
  if (!isFields(part)) return undefined;
  const [first = ''] = Object.keys(part);
  const place = PLACES[first];
  if (!place || Object.keys(part).some((key) => PLACES[key]?.join() !== place.join())) return undefined;
  const whole = place.reduceRight<Fields>((inner, key) => ({ [key]: inner }), part);
  return stringify({
    apiVersion: 'modelship.dev/v1alpha1',
    kind: 'ModelDeployment',
    metadata: { name: 'part' },
    ...completed(whole),
  });
}

/** With what the schema wants beside the part. */
function completed({ spec }: Fields): Fields {
  const { versions, rollout, routing, ...rest } = (spec ?? {}) as Fields;
  const gateway = isFields(routing) && isFields(routing.gateway) ? routing.gateway : undefined;
  const cohorts = (gateway?.cohorts ?? []) as { version: string }[];
  return {
    spec: {
      versions: versions ?? versionsOf(cohorts.map(({ version }) => version)),
      ...rest,
      ...(isFields(rollout) && { rollout: completedRollout(rollout) }),
      ...(gateway && { routing: { gateway: { parentRefs: [{ name: 'public' }], ...gateway } } }),
    },
  };
}

function versionsOf(named: readonly string[]): object[] {
  const names = [...new Set(['v1', ...named])];
  return names.map((name, index) => ({
    name,
    model: { uri: `pvc://models/${name}.onnx` },
    traffic: index === 0 ? 100 : 0,
  }));
}

function completedRollout({ analysis, ...rest }: Fields): Fields {
  const judged = isFields(analysis) && {
    analysis: { mirror: 10, checks: [{ metric: 'error-rate', max: 1 }], ...analysis },
  };
  return { steps: [{ traffic: 10 }], ...rest, ...judged };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
