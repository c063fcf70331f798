/** What a request asks for, as a short text: the same for the same question, and for no other. */
import { createHash } from 'node:crypto';
import type { Tensor } from '../protocol/datatypes.ts';

/**
 * 32 characters of one byte each. Every part is hashed after its length, so that no two questions read the same, and
 * by SHA-256, so that nobody can make two questions of one key and choose what another caller is answered.
 */
export function questionKey(inputs: readonly Tensor[], outputs: readonly string[]): string {
  const question = createHash('sha256');
  question.update(
    outputs.reduce((text, name) => `${text}${name.length}:${name}`, `${outputs.length};`),
    'utf16le',
  );
  for (const { name, datatype, shape, data } of inputs) {
    question.update(`${name.length}:${name}${datatype}${shape.length}:${shape};${data.length};`, 'utf16le');
    if (Array.isArray(data)) {
      // UTF-16 tells lone surrogates apart, which UTF-8 does not.
      question.update(`${data.map((text) => text.length).join()};${data.join('')}`, 'utf16le');
    } else {
      question.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  }
  return question.digest('binary');
}
