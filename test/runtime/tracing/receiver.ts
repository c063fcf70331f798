/**
 * An OTLP/HTTP receiver of our own, as a collector is one: it takes `POST /v1/traces` in protobuf, by the message
 * definitions of opentelemetry-proto v1 (the fields that tests look at), and keeps the spans.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import protobuf from 'protobufjs';
import { onTestFinished } from 'vitest';
import { realClock } from '../../../runtime/clock.ts';
import { startTracing } from '../../../runtime/tracing/start.ts';
import type { Tracing } from '../../../runtime/tracing/trace.ts';
import { until } from '../../traffic/support.ts';

const DEFINITIONS = `
syntax = "proto3";
message Request { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Resource { repeated KeyValue attributes = 1; }
message ScopeSpans { Scope scope = 1; repeated Span spans = 2; }
message Scope { string name = 1; string version = 2; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4;
  string name = 5; int32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
  repeated KeyValue attributes = 9; Status status = 15;
}
message Status { string message = 2; int32 code = 3; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue {
  oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; }
}`;
const REQUEST = protobuf.parse(DEFINITIONS).root.lookupType('Request');

export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  /** '' for none. */
  parent: string;
  name: string;
  /** 1 internal, 2 server, 3 client. */
  kind: number;
  /** Ms since 1970. */
  start: number;
  end: number;
  /** 0 unset, 2 error. */
  status: number;
  attributes: Record<string, unknown>;
  resource: Record<string, unknown>;
}

export interface Receiver {
  url: string;
  spans: ReceivedSpan[];
  requests: number;
  /** Content types and encodings seen. */
  types: Set<string>;
  /** Resolves once there are spans that satisfy all of these, in any order. @returns one for each */
  found(...wanted: ((span: ReceivedSpan) => boolean)[]): Promise<ReceivedSpan[]>;
  named(name: string): ReceivedSpan[];
}

export interface ReceiverOptions {
  /** In place of taking the spans. */
  answer?: (response: ServerResponse) => void;
  /** Spans are taken, and taken note of, once this resolves. */
  hold?: Promise<void>;
}

export async function receiver({ answer, hold }: ReceiverOptions = {}): Promise<Receiver> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      result.requests++;
      result.types.add(String(request.headers['content-type']));
      if (answer) return answer(response);
      await hold;
      if (request.url !== '/v1/traces') return response.writeHead(404).end();
      result.spans.push(...spansOf(Buffer.concat(chunks)));
      return response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const result: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: [],
    requests: 0,
    types: new Set(),
    async found(...wanted) {
      const find = () => wanted.map((is) => result.spans.find(is));
      await until(() => find().every((span) => span !== undefined));
      return find() as ReceivedSpan[];
    },
    named: (name) => result.spans.filter((span) => span.name === name),
  };
  return result;
}

interface KeyValue {
  key: string;
  value?: Record<string, unknown>;
}

/** ExportTraceServiceRequest as protobuf.js decodes it: what is empty is left out, 64-bit times are numbers. */
interface ExportRequest {
  resourceSpans?: { resource?: { attributes?: KeyValue[] }; scopeSpans?: { spans?: Span[] }[] }[];
}

interface Span {
  traceId: Uint8Array;
  spanId: Uint8Array;
  parentSpanId?: Uint8Array;
  name: string;
  kind: number;
  startTimeUnixNano: number;
  endTimeUnixNano: number;
  status?: { code?: number };
  attributes?: KeyValue[];
}

function spansOf(body: Buffer): ReceivedSpan[] {
  const { resourceSpans = [] } = REQUEST.toObject(REQUEST.decode(body), { longs: Number }) as ExportRequest;
  const spans: ReceivedSpan[] = [];
  for (const { resource, scopeSpans = [] } of resourceSpans) {
    for (const { spans: each = [] } of scopeSpans) {
      for (const span of each) spans.push(spanOf(span, record(resource?.attributes)));
    }
  }
  return spans;
}

function spanOf(span: Span, resource: Record<string, unknown>): ReceivedSpan {
  return {
    traceId: Buffer.from(span.traceId).toString('hex'),
    spanId: Buffer.from(span.spanId).toString('hex'),
    parent: Buffer.from(span.parentSpanId ?? []).toString('hex'),
    name: span.name,
    kind: span.kind,
    start: span.startTimeUnixNano / 1e6,
    end: span.endTimeUnixNano / 1e6,
    status: span.status?.code ?? 0,
    attributes: record(span.attributes),
    resource,
  };
}

function record(pairs: KeyValue[] = []): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value ?? {})[0]]));
}

/** Tracing to it as a process has it by its environment, in this process. `server.close` of its runtime stops it. */
export async function tracedTo(
  { url }: Pick<Receiver, 'url'>,
  { model = 'm', version = 'v1', env = {} }: { model?: string; version?: string; env?: Record<string, string> } = {},
): Promise<Tracing> {
  const logger = { info() {}, warn() {} };
  const of = { model, version, runtimeVersion: 'test', clock: realClock, logger };
  const tracing = await startTracing({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_BSP_SCHEDULE_DELAY: '20', ...env }, of);
  return tracing as Tracing;
}

export const TRACE = '0af7651916cd43dd8448eb211c80319c';
export const PARENT = 'b7ad6b7169203331';
/** Of a caller whose trace is kept, or not. */
export const traceparent = (sampled = true, trace = TRACE): string => `00-${trace}-${PARENT}-0${sampled ? 1 : 0}`;
