/** The gRPC doors of a process, where its launch has addresses for them. */
import type { Launch } from '../../api/launch.ts';
import { GrpcDoor, type GrpcDoorOptions } from './door.ts';

export type GrpcDoors = Partial<Record<'entry' | 'direct', GrpcDoor>>;

export function createGrpcDoors(
  { entryGrpc, directGrpc, version, serving }: Launch,
  options: Omit<GrpcDoorOptions, 'messageBytes' | 'version'>,
): GrpcDoors {
  const door = () => new GrpcDoor({ ...options, version, messageBytes: serving.limits.bodyBytes });
  return { ...(entryGrpc && { entry: door() }), ...(directGrpc && { direct: door() }) };
}
