/** The way of plain inference requests past Node's HTTP server: from the socket to `Inference` and back. */
import { understands } from '../compression.ts';
import type { Lane } from '../http1/lane.ts';
import { oipRest } from '../protocol/oip-rest.ts';
import { type FastLaneOptions, inferUrl } from './fast-lane.ts';

export function plainLane({ model, inference, bodyBytes }: FastLaneOptions): Lane {
  const url = inferUrl(model);
  return {
    requestLine: Buffer.from(`POST ${url} HTTP/1.1\r\n`),
    mostBodyBytes: bodyBytes,
    takes({ 'content-encoding': encoding }) {
      return encoding === undefined || understands(encoding);
    },
    serve(request) {
      return inference.infer({ ...request, method: 'POST', url, model, version: undefined }, oipRest);
    },
    broken(headers) {
      inference.refuse(Object.assign(new Error('aborted'), { statusCode: 400 }), inference.isCopy(headers));
    },
    failed: (error) => void inference.refuse(error),
  };
}
