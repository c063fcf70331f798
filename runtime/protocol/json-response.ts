/** Output tensors → the JSON answer of the Open Inference Protocol, written by hand: no schema is walked. Pure. */
import type { AnsweredBy } from './codec.ts';
import type { Tensor } from './datatypes.ts';

/** The body of an answer. NaN and infinities become the strings "NaN", "Infinity", "-Infinity". */
export function writeInferResponse(by: AnsweredBy, id: string | undefined, outputs: readonly Tensor[]): string {
  let text = `{"model_name":${JSON.stringify(by.model)},"model_version":${JSON.stringify(by.version)}`;
  if (id !== undefined) text += `,"id":${JSON.stringify(id)}`;
  text += ',"outputs":[';
  for (const [index, output] of outputs.entries()) {
    if (index > 0) text += ',';
    text += `{"name":${JSON.stringify(output.name)},"datatype":"${output.datatype}","shape":[${output.shape.join(',')}]`;
    text += `,"data":[${writeValues(output)}]}`;
  }
  return `${text}]}`;
}

function writeValues({ datatype, data }: Tensor): string {
  switch (datatype) {
    case 'BYTES':
      return (data as string[]).map((value) => JSON.stringify(value)).join(',');
    case 'BOOL':
      return Array.from(data as Uint8Array, (value) => (value ? 'true' : 'false')).join(',');
    case 'FP16': {
      const bits = data as Uint16Array;
      return writeFloats(new Float16Array(bits.buffer, bits.byteOffset, bits.length));
    }
    case 'FP32':
    case 'FP64':
      return writeFloats(data as Float32Array | Float64Array);
    default:
      return data.join(',');
  }
}

type Floats = Float16Array | Float32Array | Float64Array;

/** `join` writes NaN and infinities bare and drops the sign of −0; the arrays that hold such a value are rare. */
function writeFloats(values: Floats): string {
  for (const value of values) {
    if (isOdd(value)) return Array.from(values, writeFloat).join(',');
  }
  return values.join(',');
}

function isOdd(value: number): boolean {
  return value === 0 ? Object.is(value, -0) : !Number.isFinite(value);
}

function writeFloat(value: number): string {
  if (!isOdd(value)) return String(value);
  return value === 0 ? '-0' : `"${value}"`;
}
