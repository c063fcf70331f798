/** An exporter that says in the log, once and not each time, that it cannot reach its endpoint. */
import type { ExportResult } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { Clock } from '../clock.ts';

export interface ToldExporterOptions {
  inner: SpanExporter;
  /** Where `inner` sends to, fit for a log. */
  endpoint: string;
  clock: Pick<Clock, 'now'>;
  logger: { info(details: object, message: string): void; warn(details: object, message: string): void };
}

/** While it goes on failing it is said again after so long, ms. */
const SAY_AGAIN_MS = 600_000;
/** `ExportResultCode.SUCCESS`; a constant here, since the package is loaded for types alone. */
const SUCCESS = 0;

export class ToldExporter implements SpanExporter {
  readonly #options: ToldExporterOptions;
  #saidAt: number | undefined;
  /** Spans that were lost since the endpoint last took some. */
  #lost = 0;

  constructor(options: ToldExporterOptions) {
    this.#options = options;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#options.inner.export(spans, (result) => {
      if (result.code === SUCCESS) this.#took();
      else this.#failed(spans.length, result.error);
      done(result);
    });
  }

  forceFlush(): Promise<void> {
    return this.#options.inner.forceFlush?.() ?? Promise.resolve();
  }

  shutdown(): Promise<void> {
    return this.#options.inner.shutdown();
  }

  #took(): void {
    const { endpoint, logger } = this.#options;
    if (this.#saidAt !== undefined) logger.info({ endpoint, lost: this.#lost }, 'traces are exported again');
    this.#saidAt = undefined;
    this.#lost = 0;
  }

  #failed(spans: number, error: (Error & { code?: unknown }) | undefined): void {
    const { endpoint, clock, logger } = this.#options;
    this.#lost += spans;
    const now = clock.now();
    if (this.#saidAt !== undefined && now - this.#saidAt < SAY_AGAIN_MS) return;
    this.#saidAt = now;
    const why = `${error?.code ?? ''} ${error?.message ?? 'no reason given'}`.trim().slice(0, 200);
    const details = { code: 'TRACES_NOT_EXPORTED', endpoint, why, lost: this.#lost };
    logger.warn(details, 'traces cannot be exported and are dropped; requests are answered as ever');
  }
}
