/**
 * An OTLP endpoint, a process of its own: counts the spans by the path that they are posted to, and keeps none. Says its
 * port on the IPC channel, and to each message what came since the last one.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fields } from '../serving/wires/protobuf.ts';

/** Spans by path. */
export type Counts = Record<string, number>;

/** `ExportTraceServiceRequest.resource_spans`, its `scope_spans`, and their `spans`. */
const PATH_TO_SPANS = [1, 2, 2];

function spansIn(message: Buffer): number {
  let found = [message];
  for (const wanted of PATH_TO_SPANS) {
    found = found.flatMap((bytes) => fields(bytes).flatMap(({ number, bytes }) => (number === wanted ? [bytes] : [])));
  }
  return found.length;
}

let counts: Counts = {};
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const path = request.url as string;
    counts[path] = (counts[path] ?? 0) + spansIn(Buffer.concat(chunks));
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
});
process.on('message', () => {
  process.send?.(counts);
  counts = {};
});
process.on('disconnect', () => process.exit(0));
await once(server.listen(0, '127.0.0.1'), 'listening');
process.send?.((server.address() as AddressInfo).port);
