/** Writes `descriptors.json`, from which reflection answers, from the files in `proto/`. `--check` compares only. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor/index.js';
import { generate } from '../../api/generate/generated.ts';

/** As they import each other, and as reflection names them. */
export const PROTO_FILES = [
  'model_config.proto',
  'grpc_service.proto',
  'grpc/health/v1/health.proto',
  'grpc/reflection/v1/reflection.proto',
  'grpc/reflection/v1alpha/reflection.proto',
];

const PROTO_FOLDER = join(import.meta.dirname, 'proto');

type Message = descriptor.IDescriptorProto;

/** Wire types of FieldDescriptorProto.Type, by the words of a .proto file. */
const SCALARS: Record<string, number> = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  bool: 8,
  string: 9,
  bytes: 12,
  uint32: 13,
};
const MESSAGE = 11;
const ENUM = 14;
const OPTIONAL = 1;
const REPEATED = 3;

/** File name → its FileDescriptorProto, in base64. */
export async function descriptorsText(): Promise<string> {
  const root = new protobuf.Root();
  const packages = new Map<string, { name: string; imports: string[] }>();
  for (const file of PROTO_FILES) {
    // The parser leaves it on all that it reads.
    (protobuf.parse as unknown as { filename: string }).filename = file;
    const parsed = protobuf.parse(await readFile(join(PROTO_FOLDER, file), 'utf8'), root, { keepCase: true });
    packages.set(file, { name: parsed.package ?? '', imports: parsed.imports ?? [] });
  }
  root.resolveAll();
  const encoded: Record<string, string> = {};
  for (const [file, { name, imports }] of packages)
    encoded[file] = fileOf(root, file, name, imports).toString('base64');
  return `${JSON.stringify(encoded, null, 2)}\n`;
}

function fileOf(root: protobuf.Root, file: string, packageName: string, imports: string[]): Buffer {
  const members = (root.lookup(packageName) as protobuf.Namespace).nestedArray.filter((each) => each.filename === file);
  const found = <T>(kind: new (...args: never[]) => T) => members.filter((each) => each instanceof kind) as T[];
  const whole = {
    name: file,
    package: packageName,
    dependency: imports,
    messageType: found(protobuf.Type).map(messageOf),
    enumType: found(protobuf.Enum).map(enumOf),
    service: found(protobuf.Service).map(serviceOf),
    syntax: 'proto3',
  };
  const type = descriptor.FileDescriptorProto;
  return Buffer.from(type.encode(type.fromObject(whole)).finish());
}

function messageOf(type: protobuf.Type): Message {
  const oneofs = type.oneofsArray;
  const nested = type.nestedArray;
  const maps: Message[] = [];
  return {
    name: type.name,
    field: type.fieldsArray.map((each) => {
      const at = each.partOf ? oneofs.indexOf(each.partOf) : -1;
      return { ...fieldOf(each, type, maps), ...(at >= 0 && { oneofIndex: at }) };
    }),
    nestedType: [...nested.filter((each) => each instanceof protobuf.Type).map(messageOf), ...maps],
    enumType: nested.filter((each) => each instanceof protobuf.Enum).map(enumOf),
    oneofDecl: oneofs.map(({ name }) => ({ name })),
  };
}

function fieldOf(field: protobuf.Field, of: protobuf.Type, maps: Message[]): descriptor.IFieldDescriptorProto {
  const { name, id: number } = field;
  if (!(field instanceof protobuf.MapField)) {
    return { name, number, label: field.repeated ? REPEATED : OPTIONAL, ...typeOf(field) };
  }
  // A map is a repeated message of its own.
  const entry = `${name.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Entry`;
  maps.push({
    name: entry,
    field: [
      { name: 'key', number: 1, label: OPTIONAL, type: SCALARS[field.keyType] as never },
      { name: 'value', number: 2, label: OPTIONAL, ...typeOf(field) },
    ],
    options: { mapEntry: true },
  });
  return { name, number, label: REPEATED, type: MESSAGE as never, typeName: `${of.fullName}.${entry}` };
}

function typeOf({ type, resolvedType }: protobuf.Field): descriptor.IFieldDescriptorProto {
  if (!resolvedType) {
    const scalar = SCALARS[type];
    if (scalar === undefined) throw new Error(`${type} is not a type that this script knows`);
    return { type: scalar as never };
  }
  return {
    type: (resolvedType instanceof protobuf.Enum ? ENUM : MESSAGE) as never,
    typeName: resolvedType.fullName,
  };
}

function enumOf(type: protobuf.Enum): descriptor.IEnumDescriptorProto {
  return { name: type.name, value: Object.entries(type.values).map(([name, number]) => ({ name, number })) };
}

function serviceOf(service: protobuf.Service): descriptor.IServiceDescriptorProto {
  return {
    name: service.name,
    method: service.methodsArray.map((method) => {
      method.resolve();
      return {
        name: method.name,
        inputType: method.resolvedRequestType?.fullName as string,
        outputType: method.resolvedResponseType?.fullName as string,
        ...(method.requestStream && { clientStreaming: true }),
        ...(method.responseStream && { serverStreaming: true }),
      };
    }),
  };
}

if (import.meta.main) await generate({ 'runtime/grpc/descriptors.json': await descriptorsText() });
