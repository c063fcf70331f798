/** Tracing that is on. The only file that makes OpenTelemetry's objects; loaded by `start.ts` when it is wanted. */
import { type Attributes, defaultTextMapGetter, ROOT_CONTEXT, SpanKind, type Tracer, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  type Resource,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Call } from '../inference.ts';
import { PassedOnRequest, RecordedRequest, UnrecordedRequest } from './request-trace.ts';
import { type Came, howItCame } from './route.ts';
import type { TracingSettings } from './settings.ts';
import type { TracedProcess } from './start.ts';
import { ToldExporter } from './told-exporter.ts';
import type { RequestTrace, Tracing } from './trace.ts';
import { hrTime, Wall } from './wall.ts';

/** Spans that wait for export at most; each takes about 1 kB. */
const QUEUE_SIZE = 2_048;
const BATCH_SIZE = 512;
/** An end of the process waits so long for the last export, ms: within what the operator grants after the drain. */
const STOP_LIMIT_MS = 3_000;
const PARENT_BASED = 'parentbased';
/** A caller's context that is not kept. */
const NOT_KEPT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-00$/;

export function createTracing(settings: TracingSettings, of: TracedProcess): Tracing {
  const provider = providerOf(settings, of);
  const tracer = provider.getTracer('modelship', of.runtimeVersion);
  const follows = settings.sampler.startsWith(PARENT_BASED);
  return new ProcessTracing(tracer, new Wall(of.clock), { model: of.model, follows }, async () => {
    const limit = Promise.withResolvers<void>();
    const timer = setTimeout(limit.resolve, STOP_LIMIT_MS);
    // What could not be sent was told to the log by then.
    await Promise.race([provider.shutdown().catch(() => {}), limit.promise]);
    clearTimeout(timer);
  });
}

class ProcessTracing implements Tracing {
  readonly stop: () => Promise<void>;
  readonly #tracer: Tracer;
  readonly #propagator = new W3CTraceContextPropagator();
  readonly #wall: Wall;
  readonly #model: string;
  readonly #follows: boolean;
  readonly #predict = process.env.AIP_PREDICT_ROUTE;

  /** @param follows what the caller decided is decided */
  constructor(
    tracer: Tracer,
    wall: Wall,
    { model, follows }: { model: string; follows: boolean },
    stop: () => Promise<void>,
  ) {
    this.#tracer = tracer;
    this.#wall = wall;
    this.#model = model;
    this.#follows = follows;
    this.stop = stop;
  }

  begin(call: Call, how: { direct: boolean; copied: boolean; arrived: number }): RequestTrace {
    const { headers } = call;
    if (this.#follows && typeof headers.traceparent === 'string') {
      const dropped = NOT_KEPT.exec(headers.traceparent)?.[1];
      if (dropped !== undefined) return new PassedOnRequest(dropped);
    }
    const known = headers.traceparent !== undefined;
    const parent = known ? this.#propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter) : ROOT_CONTEXT;
    const offset = this.#wall.offset(how.arrived);
    const startTime = hrTime(how.arrived + offset);
    // Named and described once it is known to be kept: most are not.
    const span = this.#tracer.startSpan('', { kind: SpanKind.SERVER, startTime }, parent);
    // A context of the caller's goes on as it came; where there is none, those who are asked next must not decide anew.
    if (!span.isRecording()) return new UnrecordedRequest(span, this.#propagator, trace.getSpan(parent) !== undefined);
    const came = howItCame(call, this.#predict);
    span.updateName(came.rpc ?? (came.route === undefined ? call.method : `${call.method} ${came.route}`));
    span.setAttributes(this.#attributes(call, came, how));
    const parts = { tracer: this.#tracer, propagator: this.#propagator, wall: this.#wall };
    return new RecordedRequest(parts, span, offset, came.rpc !== undefined);
  }

  #attributes(call: Call, { protocol, route, rpc }: Came, how: { direct: boolean; copied: boolean }): Attributes {
    const attributes: Attributes =
      rpc === undefined
        ? { 'http.request.method': call.method, 'url.scheme': 'http' }
        : { 'rpc.system.name': 'grpc', 'rpc.method': rpc };
    if (route !== undefined) attributes['http.route'] = route;
    if (protocol !== undefined) attributes['modelship.protocol'] = protocol;
    attributes['modelship.model'] = this.#model;
    attributes['modelship.door'] = how.direct ? 'direct' : 'entry';
    if (how.copied) attributes['modelship.mirror'] = true;
    if (call.body) attributes['modelship.request.bytes'] = call.body.length;
    return attributes;
  }
}

function providerOf(settings: TracingSettings, { clock, logger, ...of }: TracedProcess): TracerProvider {
  const { url, queueSize = QUEUE_SIZE, batchSize = BATCH_SIZE, delayMs } = settings;
  const { origin, pathname } = new URL(url);
  const maxExportBatchSize = Math.min(batchSize, queueSize);
  // The end of the process sends all that waits at once. More at a time, as there are after failures, would be no bound.
  const inner = new OTLPTraceExporter({ url, concurrencyLimit: Math.ceil(queueSize / maxExportBatchSize) });
  const processor = new BatchSpanProcessor({
    exporter: new ToldExporter({ inner, endpoint: `${origin}${pathname}`, clock, logger }),
    maxQueueSize: queueSize,
    maxExportBatchSize,
    ...(delayMs !== undefined && { scheduledDelayMillis: delayMs }),
  });
  return new TracerProvider({
    resource: resourceOf(settings, of),
    sampler: samplerOf(settings),
    spanLimits: { attributeValueLengthLimit: 1_024 },
    spanProcessors: [processor],
  });
}

/** What OTEL_RESOURCE_ATTRIBUTES says counts more than what is known here, OTEL_SERVICE_NAME more than both. */
function resourceOf(
  { serviceName }: TracingSettings,
  { model, version, runtimeVersion }: Pick<TracedProcess, 'model' | 'version' | 'runtimeVersion'>,
): Resource {
  return defaultResource()
    .merge(
      resourceFromAttributes({
        'service.name': model,
        'service.version': version,
        'modelship.model': model,
        'modelship.version': version,
        'modelship.runtime.version': runtimeVersion,
        'process.pid': process.pid,
      }),
    )
    .merge(detectResources({ detectors: [resourceAttributesEnvDetector] }))
    .merge(resourceFromAttributes(serviceName === undefined ? {} : { 'service.name': serviceName }));
}

function samplerOf({ sampler, ratio }: TracingSettings): Sampler {
  const root = sampler.endsWith('ratio')
    ? new TraceIdRatioBasedSampler(ratio)
    : sampler.endsWith('off')
      ? new AlwaysOffSampler()
      : new AlwaysOnSampler();
  return sampler.startsWith(PARENT_BASED) ? new ParentBasedSampler({ root }) : root;
}
