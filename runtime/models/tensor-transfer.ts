/** Tensors between threads: buffers change hands where they may, and are copied once where they may not. Pure. */
import type { Tensor, TensorData } from '../protocol/datatypes.ts';

export interface Parcel {
  tensors: Tensor[];
  /** For `postMessage`. */
  transfer: ArrayBuffer[];
}

/**
 * @param own the buffers are the tensors' alone. Else they may be views on the body of a request, which others read, and
 *   a view sent as it is would take the whole buffer below it along.
 */
export function pack(tensors: readonly Tensor[], own: boolean): Parcel {
  const transfer: ArrayBuffer[] = [];
  const packed = tensors.map(({ name, datatype, shape, data }) => {
    if (Array.isArray(data)) return { name, datatype, shape, data };
    const mine = own && isWhole(data) && !transfer.includes(data.buffer) ? data : copyOf(data);
    transfer.push(mine.buffer as ArrayBuffer);
    return { name, datatype, shape, data: mine };
  });
  return { tensors: packed, transfer };
}

type Numbers = Exclude<TensorData, string[]>;

function isWhole(data: Numbers): data is Numbers & { buffer: ArrayBuffer } {
  return data.buffer instanceof ArrayBuffer && data.byteLength === data.buffer.byteLength;
}

/** A Buffer's own `slice` is a view, and it is a Uint8Array to those who made it: the array's own kind does the copy. */
function copyOf(data: Numbers): Numbers {
  return data instanceof Uint8Array ? new Uint8Array(data) : data.slice();
}
