/**
 * NumPy's .npy ↔ one tensor. Pure.
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { RequestError } from '../errors.ts';
import { rawOf, readRaw, widthOf } from './binary-tensor.ts';
import { type Datatype, sizeOf, type Tensor } from './datatypes.ts';
import { describe, fits, isHollow, type Signature, showShape } from './signature.ts';

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
const MOST_HEADER_BYTES = 65_536;

const DATATYPES = new Map<string, Datatype>([
  ['b1', 'BOOL'],
  ['i1', 'INT8'],
  ['i2', 'INT16'],
  ['i4', 'INT32'],
  ['i8', 'INT64'],
  ['u1', 'UINT8'],
  ['u2', 'UINT16'],
  ['u4', 'UINT32'],
  ['u8', 'UINT64'],
  ['f2', 'FP16'],
  ['f4', 'FP32'],
  ['f8', 'FP64'],
]);
const DESCRS = new Map([...DATATYPES].map(([descr, datatype]) => [datatype, descr]));

export function isNpy(body: Buffer): boolean {
  return body.subarray(0, MAGIC.length).equals(MAGIC);
}

/**
 * The array of a body for the only input of a model.
 * @throws RequestError INVALID_REQUEST, MISSING_INPUT, INPUT_DATATYPE, INPUT_SHAPE, INPUT_DATA
 */
export function readNpy(body: Buffer, { inputs }: Signature): Tensor {
  const [spec] = inputs;
  if (!spec || inputs.length !== 1) {
    const message = `.npy holds one array, but the model has ${inputs.length} inputs; send JSON`;
    throw new RequestError('MISSING_INPUT', message);
  }
  const { descr, fortran, shape, data } = readHeader(body);
  const datatype = /^[<|=]/.test(descr) ? DATATYPES.get(descr.slice(1)) : undefined;
  if (datatype !== spec.datatype) {
    const what = datatype ?? (descr.startsWith('>') ? 'big-endian' : 'no datatype that a tensor has');
    const message = `the .npy has the dtype '${descr.slice(0, 40)}' (${what}); the model takes ${describe(spec)}`;
    const hint = DESCRS.has(spec.datatype)
      ? `: convert it with .astype('<${DESCRS.get(spec.datatype)}')`
      : '; send JSON';
    throw new RequestError('INPUT_DATATYPE', message + hint);
  }
  if (fortran && shape.length > 1) {
    const message = 'the .npy is in Fortran order; save np.ascontiguousarray(array)';
    throw new RequestError('INVALID_REQUEST', message);
  }
  if (!fits(shape, spec) || isHollow(shape, spec)) {
    throw new RequestError(
      'INPUT_SHAPE',
      `the .npy has the shape ${showShape(shape)}; the model takes ${describe(spec)}`,
    );
  }
  return { name: spec.name, datatype, shape, data: readRaw(data, datatype, sizeOf(shape), 'the .npy') };
}

interface Header {
  descr: string;
  fortran: boolean;
  shape: number[];
  data: Buffer;
}

function readHeader(body: Buffer): Header {
  const refuse = (what: string) => new RequestError('INVALID_REQUEST', `the body is no .npy file: ${what}`);
  if (!isNpy(body)) throw refuse('it does not begin with \\x93NUMPY');
  const major = body[MAGIC.length];
  if (major === undefined || major < 1 || major > 3) throw refuse(`its format has the version ${major}, not 1, 2 or 3`);
  const lengthAt = MAGIC.length + 2;
  const start = lengthAt + (major === 1 ? 2 : 4);
  if (body.length < start) throw refuse('it ends inside of its header');
  const length = major === 1 ? body.readUInt16LE(lengthAt) : body.readUInt32LE(lengthAt);
  if (length > MOST_HEADER_BYTES)
    throw refuse(`it says that its header has ${length} bytes; ${MOST_HEADER_BYTES} are let in`);
  if (start + length > body.length) throw refuse(`it says that its header has ${length} bytes, but it ends before`);
  const text = body.toString('latin1', start, start + length);
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const fortran = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const dims = /'shape':\s*\(([\d,\s]*)\)/.exec(text)?.[1];
  if (descr === undefined || fortran === undefined || dims === undefined) {
    throw refuse("its header needs 'descr' (one dtype, no fields), 'fortran_order' and 'shape'");
  }
  const shape = dims.split(',').flatMap((dim) => (dim.trim() === '' ? [] : [Number(dim)]));
  if (shape.length > 32 || !shape.every(Number.isSafeInteger) || !Number.isSafeInteger(sizeOf(shape))) {
    throw refuse('its shape is too large');
  }
  return { descr, fortran: fortran === 'True', shape, data: body.subarray(start + length) };
}

/** Why outputs can't be answered as .npy; undefined when they can. */
export function npyRefusal({ outputs }: Signature): RequestError | undefined {
  const [only] = outputs;
  if (only && outputs.length === 1 && only.datatype !== 'BYTES') return undefined;
  const what = outputs.length === 1 ? 'strings' : `${outputs.length} outputs`;
  return new RequestError(
    'UNSUPPORTED_MEDIA_TYPE',
    `.npy holds one array of numbers, but the model gives ${what}; ask for JSON`,
  );
}

/** Version 1.0, with the data at a multiple of 64 bytes. */
export function writeNpy(output: Tensor): Buffer {
  const { datatype, shape } = output;
  const order = widthOf(datatype) === 1 ? '|' : '<';
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dict = `{'descr': '${order}${DESCRS.get(datatype)}', 'fortran_order': False, 'shape': (${dims}), }`;
  const start = MAGIC.length + 4;
  const length = Math.ceil((start + dict.length + 1) / 64) * 64 - start;
  const head = Buffer.concat([
    MAGIC,
    Buffer.from([1, 0, length & 0xff, length >> 8]),
    Buffer.from(`${dict.padEnd(length - 1)}\n`),
  ]);
  return Buffer.concat([head, rawOf(output)]);
}
