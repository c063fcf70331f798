/** .npy files as NumPy writes them. */

export interface NpyParts {
  descr?: string;
  fortran?: string;
  shape?: string;
  version?: number;
  data?: Uint8Array;
  /** In place of the whole header's text. */
  header?: string;
}

export function npy(parts: NpyParts = {}): Buffer {
  const { descr = '<f4', fortran = 'False', shape = '(1, 2)', version = 1 } = parts;
  const data = parts.data ?? new Uint8Array(new Float32Array([1.5, 2]).buffer);
  const dict = parts.header ?? `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }`;
  const text = Buffer.from(`${dict}\n`);
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(text.length);
  else length.writeUInt32LE(text.length);
  return Buffer.concat([Buffer.from('\x93NUMPY', 'latin1'), Buffer.from([version, 0]), length, text, data]);
}
