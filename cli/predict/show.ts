/** Predictions as people read them. Pure. */
import { countText, latencyText, measuredPercent } from '../numbers.ts';
import type { Paint } from '../output.ts';
import { table } from '../table.ts';
import type { ModelMetadata, OutputTensor, Prediction } from './client.ts';
import { shapeText, typeText } from './example.ts';
import type { Tally } from './tally.ts';

interface Look {
  width: number;
  paint: Paint;
}

/** Numbers of a tensor that are shown before the dots. */
const PREVIEW = 16;

export function predictionText(model: string, prediction: Prediction, { width, paint }: Look): string {
  const { version, latencyMs, outputs } = prediction;
  const by = version === undefined ? model : `${paint('bold', model)}  answered by ${paint('green', version)}`;
  const columns = [{ title: 'OUTPUT' }, { title: 'TYPE' }, { title: 'SHAPE' }, { title: 'VALUES' }];
  const rows = outputs.map((output) => [output.name, output.datatype, shapeText(output.shape), previewText(output)]);
  const lines = table(columns, rows, { width, paint });
  return `${by}  in ${latencyText(latencyMs / 1_000)}\n\n${lines.join('\n')}\n`;
}

/** `[[0.01, 0.98, …], …]`, floats to four digits. */
export function previewText({ shape, data, datatype }: OutputTensor): string {
  let left = PREVIEW;
  const walk = (depth: number, offset: number): string => {
    if (depth === shape.length) {
      left--;
      return valueText(data[offset], datatype);
    }
    const size = shape[depth] as number;
    const stride = shape.slice(depth + 1).reduce((product, n) => product * n, 1);
    const parts: string[] = [];
    for (let i = 0; i < size; i++) {
      if (left <= 0) {
        parts.push('…');
        break;
      }
      parts.push(walk(depth + 1, offset + i * stride));
    }
    return `[${parts.join(', ')}]`;
  };
  return walk(0, 0);
}

function valueText(value: unknown, datatype: string): string {
  if (typeof value !== 'number' || !/^(FP|BF)/.test(datatype)) return JSON.stringify(value) ?? '–';
  return String(Number(Math.abs(value) < 1_000 ? value.toPrecision(4) : value.toFixed(1)));
}

/** What a model wants and gives. */
export function signatureText({ inputs, outputs }: ModelMetadata): string {
  const all = [...inputs, ...outputs];
  const wide = Math.max(...all.map(({ name }) => name.length));
  const list = (tensors: ModelMetadata['inputs']) =>
    tensors.map((tensor) => `  ${tensor.name.padEnd(wide)}  ${typeText(tensor)}`).join('\n');
  return `Inputs:\n${list(inputs)}\nOutputs:\n${list(outputs)}\n`;
}

export function tallyText(model: string, tally: Tally, { width, paint }: Look): string {
  const { requests, seconds, answered, versions, latency, errors } = tally;
  const rate = seconds > 0 ? `, ${countText(Math.round(requests / seconds))} a second, one after another` : '';
  const lines = [`${countText(requests)} requests to ${paint('bold', model)} in ${latencyText(seconds)}${rate}`, ''];
  if (answered > 0) {
    const columns = [
      { title: 'VERSION' },
      { title: 'SHARE', align: 'right' as const },
      { title: 'ANSWERS', align: 'right' as const, rank: 2 },
      { title: 'P50', align: 'right' as const, rank: 3 },
      { title: 'P99', align: 'right' as const, rank: 1 },
    ];
    const row = (name: string, { answers, p50Ms, p99Ms }: Tally['latency']) => [
      name,
      measuredPercent((100 * answers) / answered),
      countText(answers),
      latencyText(p50Ms / 1_000),
      latencyText(p99Ms / 1_000),
    ];
    const rows = Object.entries(versions).map(([name, each]) => row(name, each));
    if (rows.length > 1) rows.push(row('all', latency));
    lines.push(...table(columns, rows, { width, paint }));
  }
  if (errors.length > 0) {
    const rows = errors.map(({ code, version = '–', count, message }) => [
      { text: code, style: 'red' as const },
      version,
      countText(count),
      message,
    ]);
    const columns = [{ title: 'ERROR' }, { title: 'VERSION', rank: 1 }, { title: 'COUNT' }, { title: 'MESSAGE' }];
    lines.push(...(answered > 0 ? [''] : []), ...table(columns, rows, { width, paint }));
  } else {
    lines.push('', paint('green', 'no errors'));
  }
  return `${lines.join('\n')}\n`;
}
