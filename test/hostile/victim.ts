/** The runtime process that is attacked: every protocol on, small limits, the digits model. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { runtimeServingOf } from '../../api/effective.ts';
import { type Launch, launchArgs } from '../../api/launch.ts';
import { RUNTIME } from '../programs.ts';
import type { Target } from './campaign.ts';

export interface Victim extends Target {
  pid: number;
  admin: number;
  /** Undefined while it lives. */
  ended(): string | undefined;
  /** Asks it to end and waits. @returns its exit code */
  stop(): Promise<number | null>;
}

const BODY_LIMIT = '1Mi';

export async function startVictim(): Promise<Victim> {
  const launch: Launch = {
    model: 'm',
    version: 'v1',
    uri: 'examples/digits/models/1/model.onnx',
    serving: runtimeServingOf({
      protocols: ['rest', 'grpc', 'tensorflow', 'sagemaker', 'graphql'],
      limits: { body: BODY_LIMIT, timeout: '20s' },
    }),
    entry: '127.0.0.1:0',
    direct: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    entryGrpc: '127.0.0.1:0',
    directGrpc: '127.0.0.1:0',
    drainDelayMs: 0,
    logLevel: 'info',
  };
  const child = spawn(process.execPath, [RUNTIME, ...launchArgs(launch)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let end: string | undefined;
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', (code, signal) => {
      end = `exit ${code}, signal ${signal}`;
      resolve(code);
    });
  });
  const ports = await listening(child);
  return {
    ...ports,
    model: launch.model,
    pid: child.pid as number,
    ended: () => end,
    stop() {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

interface Ports {
  http: number;
  grpc: number;
  admin: number;
}

/** Reads its log until it is ready. */
async function listening(child: ChildProcess): Promise<Ports> {
  if (!child.stdout) throw new Error('no stdout');
  let ports: Ports | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as { msg: string; entry: number; entryGrpc: number; admin: number };
    if (said.msg === 'listening') ports = { http: said.entry, grpc: said.entryGrpc, admin: said.admin };
    if (said.msg === 'ready' && ports) {
      child.stdout.resume();
      return ports;
    }
  }
  throw new Error('the runtime ended before it was ready');
}
