/** What a runtime says at /metrics, by name and labels. */
import { ask, type Running } from './harness.ts';

export async function metricsOf({ admin }: Running): Promise<Map<string, number>> {
  const { text } = await ask(`${admin}/metrics`);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}
