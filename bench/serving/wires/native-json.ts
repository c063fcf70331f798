/** A server's own JSON, as people define it for themselves: `{"image": [[…]]}` → `{"probabilities": [[…]], …}`. */
import { nested, numbersOf, type Tensors } from '../tensors.ts';
import { post, type Wire } from './wire.ts';

export function nativeBody(inputs: Tensors): string {
  return JSON.stringify(
    Object.fromEntries(inputs.map((tensor) => [tensor.name, nested(numbersOf(tensor), tensor.shape)])),
  );
}

/** As `nativeBody`, all inputs in one array `rows` [n, inputs, …]: for servers that batch a single argument. */
export function stackedBody(inputs: Tensors): string {
  const [first] = inputs;
  if (inputs.length === 1 && first) return JSON.stringify({ rows: nested(numbersOf(first), first.shape) });
  const [rows = 1, ...inner] = first?.shape ?? [];
  const stacked = Array.from({ length: rows }, (_, row) =>
    inputs.map((tensor) => (nested(numbersOf(tensor), [rows, ...inner]) as unknown[])[row]),
  );
  return JSON.stringify({ rows: stacked });
}

function nativeWire(bodyOf: (inputs: Tensors) => string): Wire {
  return {
    transport: 'http1',
    encode: (inputs, target) =>
      post(target.path ?? '/predict', target, { 'content-type': 'application/json' }, Buffer.from(bodyOf(inputs))),
    decode({ body }, { output }) {
      // A server that gives one output gives it bare.
      const answer = JSON.parse(body.toString()) as Record<string, unknown> | unknown[];
      const values = Array.isArray(answer) ? answer : answer[output];
      if (!Array.isArray(values)) throw new Error(`no '${output}' in the answer`);
      return values.flat(Number.POSITIVE_INFINITY) as number[];
    },
  };
}

export const nativeJson = nativeWire(nativeBody);
export const stackedJson = nativeWire(stackedBody);
