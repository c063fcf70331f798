import { nativeJson, stackedJson } from './native-json.ts';
import { oipBinary } from './oip-binary.ts';
import { oipGrpc } from './oip-grpc.ts';
import { oipJson } from './oip-json.ts';
import type { Wire } from './wire.ts';

export const WIRES = {
  'oip-json': oipJson,
  'oip-binary': oipBinary,
  'oip-grpc': oipGrpc,
  'native-json': nativeJson,
  'stacked-json': stackedJson,
} as const satisfies Record<string, Wire>;

export type WireId = keyof typeof WIRES;
