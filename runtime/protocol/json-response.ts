/** Output tensors → the answer of the Open Inference Protocol, written by hand: no schema is walked. Pure. */
import { rawOf } from './binary-tensor.ts';
import type { AnsweredBy, Written } from './codec.ts';
import type { Datatype, Tensor } from './datatypes.ts';
import { writeValues } from './json-numbers.ts';

/** The body of an answer. NaN and infinities become the strings "NaN", "Infinity", "-Infinity". */
export function writeInferResponse(by: AnsweredBy, id: string | undefined, outputs: readonly Tensor[]): string {
  let text = openOf(by, id);
  let first = true;
  for (const output of outputs) {
    text += `${first ? '' : ','}${headOf(output)},"data":[${writeValues(output)}]}`;
    first = false;
  }
  return `${text}]}`;
}

/**
 * An answer some of whose tensors follow its JSON as bytes, in their order.
 * @param binary for each output, whether it does
 */
export function writeBinaryResponse(
  by: AnsweredBy,
  id: string | undefined,
  outputs: readonly Tensor[],
  binary: readonly boolean[],
): Required<Written> {
  const parts: Buffer[] = [];
  let text = openOf(by, id);
  for (const [index, output] of outputs.entries()) {
    text += `${index > 0 ? ',' : ''}${headOf(output)}`;
    if (binary[index]) {
      const raw = rawOf(output);
      parts.push(raw);
      text += `,"parameters":{"binary_data_size":${raw.length}}}`;
    } else text += `,"data":[${writeValues(output)}]}`;
  }
  const json = Buffer.from(`${text}]}`);
  return {
    contentType: 'application/octet-stream',
    headers: { 'inference-header-content-length': String(json.length) },
    body: Buffer.concat([json, ...parts]),
  };
}

let last = { model: '', version: '', text: '' };

/** What every answer begins with; the names of the last one are kept as JSON, since a process answers as one version. */
function openOf({ model, version }: AnsweredBy, id: string | undefined): string {
  if (last.text === '' || last.model !== model || last.version !== version) {
    const text = `{"model_name":${JSON.stringify(model)},"model_version":${JSON.stringify(version)}`;
    last = { model, version, text };
  }
  return id === undefined ? `${last.text},"outputs":[` : `${last.text},"id":${JSON.stringify(id)},"outputs":[`;
}

/** By name: what an output begins with. Names come from models, so there are few; a bound all the same. */
const HEADS = new Map<string, { datatype: Datatype; text: string }>();
const MOST_HEADS = 1000;

/** An output up to its data. */
function headOf({ name, datatype, shape }: Tensor): string {
  let head = HEADS.get(name);
  if (head?.datatype !== datatype) {
    head = { datatype, text: `{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[` };
    if (HEADS.size < MOST_HEADS) HEADS.set(name, head);
  }
  let { text } = head;
  for (let i = 0; i < shape.length; i++) text += i > 0 ? `,${shape[i]}` : shape[i];
  return `${text}]`;
}
