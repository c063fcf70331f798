/** `grpc.reflection.v1.ServerReflection` and its `v1alpha`: what grpcurl and others ask before they call. */

import { RequestError } from '../errors.ts';
import type { GrpcCall } from './call.ts';
import descriptors from './descriptors.json' with { type: 'json' };
import { encode, REFLECTION } from './messages.ts';
import { BYTES, Reader, tagOf } from './reader.ts';
import type { Methods } from './services.ts';
import { STATUS } from './status.ts';

interface ProtoFile {
  bytes: Buffer;
  imports: string[];
  services: string[];
}

interface Catalogue {
  byName: Map<string, ProtoFile>;
  /** Messages, enums, services and methods by their full names → the file that declares them. */
  bySymbol: Map<string, ProtoFile>;
}

let read: Catalogue | undefined;

/** Read when it is first asked for: most servers never are. */
function catalogue(): Catalogue {
  read ??= readCatalogue();
  return read;
}

function readCatalogue(): Catalogue {
  const byName = new Map<string, ProtoFile>();
  const bySymbol = new Map<string, ProtoFile>();
  for (const [name, base64] of Object.entries(descriptors)) {
    const file: ProtoFile = { bytes: Buffer.from(base64, 'base64'), imports: [], services: [] };
    byName.set(name, file);
    readFile(file, (symbol) => bySymbol.set(symbol, file));
  }
  return { byName, bySymbol };
}

/** Field numbers of FileDescriptorProto, DescriptorProto and ServiceDescriptorProto (google/protobuf/descriptor.proto). */
const FILE = { package: tagOf(2, BYTES), import: tagOf(3, BYTES), message: tagOf(4, BYTES), enum: tagOf(5, BYTES) };
const FILE_SERVICE = tagOf(6, BYTES);
const NAME = tagOf(1, BYTES);
const METHOD = tagOf(2, BYTES);
const NESTED = tagOf(3, BYTES);
const NESTED_ENUM = tagOf(4, BYTES);

function readFile(file: ProtoFile, declare: (symbol: string) => void): void {
  let packageName = '';
  // The package is written before what it holds.
  for (const reader = new Reader(file.bytes); reader.more; ) {
    const tag = reader.tag();
    if (tag === FILE.package) packageName = reader.string('package');
    else if (tag === FILE.import) file.imports.push(reader.string('import'));
    else if (tag === FILE.message) declareAll(reader.child(), packageName, [NESTED, NESTED_ENUM], declare);
    else if (tag === FILE.enum) declareAll(reader.child(), packageName, [], declare);
    else if (tag === FILE_SERVICE) {
      file.services.push(declareAll(reader.child(), packageName, [METHOD], declare));
    } else reader.skip(tag);
  }
}

/** @returns the full name of what the reader holds */
function declareAll(
  reader: Reader,
  scope: string,
  inside: readonly number[],
  declare: (symbol: string) => void,
): string {
  let name = scope;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === NAME) name = `${scope}.${reader.string('name')}`;
    else if (inside.includes(tag)) declareAll(reader.child(), name, tag === NESTED ? inside : [], declare);
    else reader.skip(tag);
  }
  declare(name);
  return name;
}

/** The file, and before it those that it imports. */
function withImports(file: ProtoFile, { byName }: Catalogue): ProtoFile[] {
  const imported = file.imports.flatMap((name) => withImports(byName.get(name) as ProtoFile, { byName } as Catalogue));
  return [...imported, file];
}

const FIELDS: Record<number, 'file' | 'symbol' | 'extension' | 'extensions' | 'services'> = {
  3: 'file',
  4: 'symbol',
  5: 'extension',
  6: 'extensions',
  7: 'services',
};

function answer(request: Buffer): object {
  const all = catalogue();
  let asked: (typeof FIELDS)[number] | undefined;
  let text = '';
  for (const reader = new Reader(request); reader.more; ) {
    const tag = reader.tag();
    const field = (tag & 7) === BYTES ? FIELDS[tag >>> 3] : undefined;
    if (field === undefined) reader.skip(tag);
    else {
      asked = field;
      text = field === 'extension' ? `extensions (${reader.bytes().length} bytes)` : reader.string('the request');
    }
  }
  const files = (file: ProtoFile | undefined) =>
    file
      ? { file_descriptor_response: { file_descriptor_proto: withImports(file, all).map(({ bytes }) => bytes) } }
      : error(STATUS.NOT_FOUND, `there is no ${text.slice(0, 200)} here`);
  switch (asked) {
    case 'services': {
      const names = [...all.byName.values()].flatMap(({ services }) => services);
      return { list_services_response: { service: names.map((name) => ({ name })) } };
    }
    case 'file':
      return files(all.byName.get(text));
    case 'symbol':
      return files(all.bySymbol.get(text));
    case 'extensions':
      return all.bySymbol.has(text)
        ? { all_extension_numbers_response: { base_type_name: text } }
        : error(STATUS.NOT_FOUND, `there is no ${text.slice(0, 200)} here`);
    case 'extension':
      return error(STATUS.NOT_FOUND, 'there are no extensions here');
    default:
      return error(STATUS.INVALID_ARGUMENT, 'the request asks for nothing that is known');
  }
}

function error(code: number, message: string): object {
  return { error_response: { error_code: code, error_message: message } };
}

function reflect(call: GrpcCall): void {
  call.begin();
  call.receiveEach(1, {
    message(request) {
      const said = encode(REFLECTION, { original_request: request, ...answer(request) });
      const full = call.send(said);
      if (full) void full.then(() => call.dealtWith());
      else call.dealtWith();
    },
    end: () => call.finish(),
  });
  call.onDrain = () => call.fail(new RequestError('NOT_READY', 'this process is shutting down'));
}

export function reflectionMethods(): Methods {
  return {
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo': reflect,
    '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': reflect,
  };
}
