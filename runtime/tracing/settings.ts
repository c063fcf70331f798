/** What the standard environment of OpenTelemetry says of traces. Pure. https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */

export type Env = Readonly<Record<string, string | undefined>>;

export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

export interface TracingSettings {
  /** Where traces are posted to. */
  url: string;
  /** Undefined: as the resource's attributes say, else the name of the model. */
  serviceName: string | undefined;
  sampler: (typeof SAMPLERS)[number];
  /** Share of traces that begin here, 0 to 1. */
  ratio: number;
  /** Spans that wait, and that are sent at once; undefined: as OpenTelemetry has it. */
  queueSize: number | undefined;
  batchSize: number | undefined;
  /** Between two exports, ms. */
  delayMs: number | undefined;
}

/** Why something in the environment is not done as it says; a line of the log. */
export interface EnvProblem {
  code: 'OTEL_UNSUPPORTED' | 'OTEL_INVALID';
  message: string;
}

const DEFAULT_SAMPLER = 'parentbased_always_on';
const TRACES_PATH = 'v1/traces';

/**
 * @returns undefined where tracing is off, which it is unless an endpoint is named. What is wrong in the environment never
 * keeps a model from being served: it is told to `problem`, and left out.
 */
export function tracingSettings(env: Env, problem: (problem: EnvProblem) => void): TracingSettings | undefined {
  const read = (name: string) => env[name]?.trim() || undefined;
  if (read('OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return undefined;
  const own = read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  const shared = read('OTEL_EXPORTER_OTLP_ENDPOINT');
  if (own === undefined && shared === undefined) return undefined;
  const exporter = read('OTEL_TRACES_EXPORTER') ?? 'otlp';
  if (exporter === 'none') return undefined;
  if (exporter !== 'otlp') {
    const message = `OTEL_TRACES_EXPORTER is '${exporter.slice(0, 80)}', so no traces are exported; set otlp or none`;
    problem({ code: 'OTEL_UNSUPPORTED', message });
    return undefined;
  }
  const name = own === undefined ? 'OTEL_EXPORTER_OTLP_ENDPOINT' : 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT';
  const url = urlOf(own, shared);
  if (url === undefined) {
    const message = `${name} is no http:// or https:// URL, so no traces are exported; write one such as http://collector:4318`;
    problem({ code: 'OTEL_INVALID', message });
    return undefined;
  }
  const protocol = read('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ?? read('OTEL_EXPORTER_OTLP_PROTOCOL');
  if (protocol !== undefined && protocol !== 'http/protobuf') {
    const spoken = `OTEL_EXPORTER_OTLP_PROTOCOL is '${protocol.slice(0, 80)}'; traces are sent by http/protobuf to ${name}`;
    problem({ code: 'OTEL_UNSUPPORTED', message: `${spoken}: name the collector's HTTP port there, 4318 as a rule` });
  }
  tellOfExporter(read, problem);
  return {
    url,
    serviceName: read('OTEL_SERVICE_NAME'),
    ...samplerOf(read, problem),
    queueSize: countOf(read, 'OTEL_BSP_MAX_QUEUE_SIZE', problem),
    batchSize: countOf(read, 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE', problem),
    delayMs: countOf(read, 'OTEL_BSP_SCHEDULE_DELAY', problem),
  };
}

type Read = (name: string) => string | undefined;
type Tell = (problem: EnvProblem) => void;

/** @param own taken as it is @param shared gets the path of traces */
function urlOf(own: string | undefined, shared: string | undefined): string | undefined {
  const stated = own ?? shared ?? '';
  const url = /^https?:\/\//i.test(stated) ? URL.parse(stated) : null;
  if (url && own === undefined) url.pathname = `${url.pathname.replace(/\/$/, '')}/${TRACES_PATH}`;
  return url?.href;
}

/** The exporter reads these itself, and leaves out without a word what is wrong. Values may be secrets: none is told. */
function tellOfExporter(read: Read, problem: Tell): void {
  const pairs = (name: string, isKey: RegExp) => {
    const entries =
      read(name)
        ?.split(',')
        .filter((entry) => entry.trim() !== '') ?? [];
    const at = entries.findIndex((entry) => !isPair(entry, isKey));
    if (at >= 0)
      problem({
        code: 'OTEL_INVALID',
        message: `${name}: entry ${at + 1} is wrong; write NAME=VALUE, percent-encoded`,
      });
  };
  for (const prefix of ['OTEL_EXPORTER_OTLP', 'OTEL_EXPORTER_OTLP_TRACES']) {
    countOf(read, `${prefix}_TIMEOUT`, problem);
    const compression = read(`${prefix}_COMPRESSION`);
    if (compression !== undefined && compression !== 'gzip' && compression !== 'none') {
      const message = `${prefix}_COMPRESSION is '${compression.slice(0, 80)}' and left out; write gzip or none`;
      problem({ code: 'OTEL_UNSUPPORTED', message });
    }
    pairs(`${prefix}_HEADERS`, /^[\w!#$%&'*+.^`|~-]+$/);
  }
  pairs('OTEL_RESOURCE_ATTRIBUTES', /\S/);
}

function isPair(entry: string, isKey: RegExp): boolean {
  const [, key = '', value = ''] = /^([^=]+)=(.*)$/s.exec(entry) ?? [];
  try {
    // A line break in a header would keep all traces from being sent.
    return isKey.test(key.trim()) && /^[\t\P{Cc}]*$/u.test(decodeURIComponent(value));
  } catch {
    return false;
  }
}

function samplerOf(read: Read, problem: Tell): Pick<TracingSettings, 'sampler' | 'ratio'> {
  const stated = read('OTEL_TRACES_SAMPLER');
  const sampler = SAMPLERS.find((known) => known === stated);
  if (stated !== undefined && sampler === undefined) {
    const message = `OTEL_TRACES_SAMPLER is '${stated.slice(0, 80)}', and ${DEFAULT_SAMPLER} is used; it may be ${SAMPLERS.join(', ')}`;
    problem({ code: 'OTEL_UNSUPPORTED', message });
  }
  const argument = sampler?.endsWith('ratio') ? read('OTEL_TRACES_SAMPLER_ARG') : undefined;
  const ratio = argument === undefined ? 1 : Number(argument);
  if (ratio >= 0 && ratio <= 1) return { sampler: sampler ?? DEFAULT_SAMPLER, ratio };
  const message = `OTEL_TRACES_SAMPLER_ARG is '${argument?.slice(0, 80)}', and 1 is used; write a number from 0 to 1`;
  problem({ code: 'OTEL_INVALID', message });
  return { sampler: sampler ?? DEFAULT_SAMPLER, ratio: 1 };
}

function countOf(read: Read, name: string, problem: Tell): number | undefined {
  const stated = read(name);
  if (stated === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(stated)) return Number(stated);
  problem({
    code: 'OTEL_INVALID',
    message: `${name} is '${stated.slice(0, 80)}' and left out; write a number above 0`,
  });
  return undefined;
}
