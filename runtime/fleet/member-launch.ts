/** What a process of a replica is told. Pure. */
import type { Placement } from '../../api/handoff.ts';
import type { Launch } from '../../api/launch.ts';
import { coresOfEach } from './rule.ts';

/**
 * The launch of one process: sockets, model and questions come from the head, cores are shared.
 * @param processes of the replica @param known where the first process runs the model, so that none measures it again
 * @param checked a process is or was ready, so the golden requests were answered: a file that changes later must not keep
 *   one that died from coming back
 */
export function memberLaunch(launch: Launch, processes: number, known?: Placement, checked = false): Launch {
  const { terminationLog: _, serving, golden, ...rest } = launch;
  const { workers = known?.on === 'main' ? 0 : undefined } = serving.execution;
  const cores = coresOfEach(serving, processes);
  return {
    ...rest,
    ...(golden && !checked && { golden }),
    entry: 'none',
    direct: 'none',
    admin: 'none',
    ...(launch.entryGrpc && { entryGrpc: 'none' }),
    ...(launch.directGrpc && { directGrpc: 'none' }),
    serving: { ...serving, execution: { cores, processes: 1, ...(workers !== undefined && { workers }) } },
    // The head waits before it tells its processes to end.
    drainDelayMs: 0,
  };
}
