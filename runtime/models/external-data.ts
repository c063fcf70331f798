/**
 * Which files beside it a model keeps weights in. Reads the file's structure (onnx.proto3: ModelProto.graph = 7,
 * GraphProto.initializer = 5, TensorProto.external_data = 13 and data_location = 14) and skips over the weights.
 */
import { type FileHandle, open } from 'node:fs/promises';

const GRAPH = 7;
const INITIALIZER = 5;
const DATA_LOCATION = 14;
const EXTERNAL_DATA = 13;
const EXTERNAL = 1;
/** Of StringStringEntryProto. */
const KEY = 1;
const VALUE = 2;

/** Wire types of protobuf. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** A varint has 10 bytes at most. */
const HEAD = 20;
const CHUNK = 64 * 1024;
/** Bounds what a hostile file can make this hold. */
const MOST_NAMES = 1_000;
const LONGEST_NAME = 4_096;

/**
 * The files that a model keeps weights in, as it names them: against its own folder. Empty also for a file that is no
 * model: whoever opens it says so better.
 */
export async function externalFiles(path: string): Promise<string[]> {
  const file = await open(path);
  try {
    const names = new Set<string>();
    await collect(new Reader(file), (await file.stat()).size, names);
    return [...names];
  } catch (error) {
    if (error instanceof Malformed) return [];
    throw error;
  } finally {
    await file.close();
  }
}

async function collect(reader: Reader, end: number, names: Set<string>): Promise<void> {
  for await (const graph of reader.fields(0, end)) {
    if (!isPart(graph, GRAPH)) continue;
    for await (const initializer of reader.fields(graph.start, graph.end)) {
      if (!isPart(initializer, INITIALIZER)) continue;
      let location: string | undefined;
      let external = false;
      for await (const field of reader.fields(initializer.start, initializer.end)) {
        if (field.number === DATA_LOCATION) external = field.value === EXTERNAL;
        else if (isPart(field, EXTERNAL_DATA)) location = (await locationIn(reader, field)) ?? location;
      }
      if (external && location !== undefined && names.size < MOST_NAMES) names.add(location);
    }
  }
}

/** The value of the entry whose key is `location`. */
async function locationIn(reader: Reader, entry: Field): Promise<string | undefined> {
  const texts: Record<number, string> = {};
  for await (const { number, start, end } of reader.fields(entry.start, entry.end)) {
    texts[number] = await reader.text(start, end);
  }
  return texts[KEY] === 'location' ? texts[VALUE] : undefined;
}

const isPart = ({ number, wire }: Field, wanted: number) => number === wanted && wire === BYTES;

class Malformed extends Error {}

interface Field {
  number: number;
  wire: number;
  /** Of a varint. */
  value: number;
  /** Where its bytes are in the file. */
  start: number;
  end: number;
}

class Reader {
  readonly #file: FileHandle;
  #chunk = Buffer.alloc(0);
  #chunkAt = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async *fields(start: number, end: number): AsyncGenerator<Field> {
    for (let at = start; at < end; ) {
      const head = await this.#at(at);
      const [tag, tagSize] = varint(head, 0);
      const number = Math.floor(tag / 8);
      const wire = tag % 8;
      const bodyAt = at + tagSize;
      let field: Field;
      if (wire === FIXED64) field = { number, wire, value: 0, start: bodyAt, end: bodyAt + 8 };
      else if (wire === FIXED32) field = { number, wire, value: 0, start: bodyAt, end: bodyAt + 4 };
      else if (wire === VARINT || wire === BYTES) {
        const [value, size] = varint(head, tagSize);
        const valueEnd = bodyAt + size;
        field = { number, wire, value, start: valueEnd, end: wire === BYTES ? valueEnd + value : valueEnd };
      } else throw new Malformed();
      if (field.end > end) throw new Malformed();
      yield field;
      at = field.end;
    }
  }

  async text(start: number, end: number): Promise<string> {
    if (end - start > LONGEST_NAME) throw new Malformed();
    const { buffer, bytesRead } = await this.#file.read(Buffer.alloc(end - start), 0, end - start, start);
    return buffer.toString('utf8', 0, bytesRead);
  }

  /** Some bytes from a place on: `HEAD` or more, unless the file ends. */
  async #at(position: number): Promise<Buffer> {
    const inside = position - this.#chunkAt;
    if (inside >= 0 && inside + HEAD <= this.#chunk.length) return this.#chunk.subarray(inside);
    const { bytesRead, buffer } = await this.#file.read(Buffer.alloc(CHUNK), 0, CHUNK, position);
    this.#chunk = buffer.subarray(0, bytesRead);
    this.#chunkAt = position;
    return this.#chunk;
  }
}

/** @returns value and size */
function varint(bytes: Buffer, offset: number): [number, number] {
  let value = 0;
  for (let size = 0; size < 10; size++) {
    const byte = bytes[offset + size];
    if (byte === undefined) throw new Malformed();
    value += (byte & 127) * 2 ** (7 * size);
    if (byte < 128) return [value, size + 1];
  }
  throw new Malformed();
}
