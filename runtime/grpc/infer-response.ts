/** Output tensors → `ModelInferResponse`. Pure. */
import { rawOf } from '../protocol/binary-tensor.ts';
import type { AnsweredBy } from '../protocol/codec.ts';
import type { Tensor } from '../protocol/datatypes.ts';
import { isTyped, writeContents } from './contents.ts';
import { Writer } from './writer.ts';

/** Of what is not values: names, shapes, tags. */
const HEAD_BYTES = 128;

/**
 * @param id empty: none was given
 * @param raw as raw contents. Without it as typed contents, unless there is a datatype that has none.
 */
export function writeInferMessage(by: AnsweredBy, id: string, outputs: readonly Tensor[], raw: boolean): Buffer {
  const asRaw = raw || !outputs.every(({ datatype }) => isTyped(datatype));
  const contents = asRaw ? outputs.map(rawOf) : [];
  const size = contents.reduce((sum, each) => sum + each.length, HEAD_BYTES * (outputs.length + 1));
  const writer = new Writer(size);
  writer.string(1, by.model).string(2, by.version);
  if (id !== '') writer.string(3, id);
  for (const output of outputs) {
    writer.message(5, () => {
      writer.string(1, output.name).string(2, output.datatype).ints(3, output.shape);
      if (!asRaw) writer.message(5, () => writeContents(writer, output));
    });
  }
  for (const each of contents) writer.bytes(6, each);
  return writer.finish();
}
