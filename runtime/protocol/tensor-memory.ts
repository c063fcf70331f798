/** Memory for the values of tensors that a request brings, from the first byte to the last look. */
import { markAsUntransferable } from 'node:worker_threads';
import { ARRAYS, type Datatype, type NumberData } from './datatypes.ts';

/** A typed array up to this size lives in V8's own heap, and costs nothing to make. */
const ON_HEAP = 64;
/** Up to here, arrays share a slab: one of 256 bytes costs 50 ns, with an ArrayBuffer of its own 900. */
const SHARED = 4096;
const SLAB = 16_384;

let slab = newSlab();
let used = 0;

/**
 * Gives memory back at once that nobody looks at any more. V8 collects its whole heap for every 64 MiB outside it, which
 * took a tenth of the CPU where pictures of 600 kB were served. HAZARD: whoever does look finds no values.
 */
export function giveBack({ buffer }: ArrayBufferView): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}

function newSlab(): ArrayBuffer {
  const buffer = new ArrayBuffer(SLAB);
  // Its tenants are strangers: a transfer to another thread would take the others' values away. It throws instead.
  markAsUntransferable(buffer);
  return buffer;
}

/**
 * An array of a datatype whose values are whatever was there before: the caller fills every one, or drops it.
 * It may share its buffer with other tensors.
 */
export function unfilled(datatype: Exclude<Datatype, 'BYTES'>, size: number): NumberData {
  const Values = ARRAYS[datatype];
  const bytes = size * Values.BYTES_PER_ELEMENT;
  if (bytes <= ON_HEAP) return new Values(size);
  if (bytes > SHARED) return new Values(Buffer.allocUnsafeSlow(bytes).buffer, 0, size);
  if (used + bytes > SLAB) {
    slab = newSlab();
    used = 0;
  }
  const values = new Values(slab, used, size);
  used += (bytes + 7) & ~7;
  return values;
}
