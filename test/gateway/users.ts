/** Users of a gateway: HTTP and gRPC, one request or a steady load, and which version answered. */
import { readFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import * as grpc from '@grpc/grpc-js';
import { clientOf, INFERENCE } from '../runtime/grpc/support.ts';

const BODY = readFileSync('examples/digits/request.json', 'utf8');
const DEADLINE_MS = 10_000;

export interface Answer {
  /** HTTP status, or the code of gRPC. */
  status: number;
  version: string | undefined;
  text: string;
}

export const MODEL_PATH = '/v2/models/digits';

export interface User {
  ask(path?: string, headers?: Record<string, string>): Promise<Answer>;
}

/** Keeps its connections. */
export function httpUser(port: number, host: string): User {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return {
    ask: (path = `${MODEL_PATH}/infer`, headers = {}) =>
      new Promise((resolve, reject) => {
        const all = { host, 'content-type': 'application/json', 'content-length': Buffer.byteLength(BODY), ...headers };
        const options = { host: '127.0.0.1', port, path, method: 'POST', agent, headers: all, timeout: DEADLINE_MS };
        const sent = request(options, (incoming) => void answerOf(incoming).then(resolve, reject));
        sent.on('timeout', () => sent.destroy(new Error(`no answer in ${DEADLINE_MS} ms`)));
        sent.on('error', reject);
        sent.end(BODY);
      }),
  };
}

async function answerOf(incoming: IncomingMessage): Promise<Answer> {
  let text = '';
  incoming.setEncoding('utf8');
  for await (const part of incoming) text += part;
  const version = incoming.headers['modelship-version'];
  return { status: incoming.statusCode ?? 0, version: version as string | undefined, text };
}

interface Image {
  inputs: { name: string; datatype: string; shape: number[]; data: number[] }[];
}

/** One connection, on which all calls go. */
export function grpcUser(port: number, host: string): User {
  const client = clientOf(`127.0.0.1:${port}`, INFERENCE, { 'grpc.default_authority': host });
  const [{ data, ...input }] = (JSON.parse(BODY) as Image).inputs as [Image['inputs'][number]];
  const message = {
    model_name: 'digits',
    inputs: [{ ...input, contents: { fp32_contents: data } }],
  };
  return {
    ask: async (_, headers = {}) => {
      try {
        const { message: answer } = await client.call('ModelInfer', message, {
          metadata: headers,
          deadline: DEADLINE_MS,
        });
        return { status: grpc.status.OK, version: answer.model_version, text: '' };
      } catch (error) {
        const { code, details } = error as grpc.ServiceError;
        return { status: code, version: undefined, text: details };
      }
    },
  };
}

/** Asks so many times, a few at a time. @returns how many each version answered; what failed under its status */
export async function countVersions(user: User, times: number, atOnce = 8): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  let left = times;
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      const { status, version } = await user.ask();
      const key = version ?? `status ${status}`;
      counts[key] = (counts[key] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  return counts;
}

export interface Load {
  /** Answers so far, by version. */
  counts: Record<string, number>;
  /** What was not answered as it should, in words. */
  failures: string[];
  /** Versions that answered since the last call of this. */
  fresh(): Set<string>;
  stop(): Promise<void>;
}

/** A request every few ms from each of some users, until it is stopped. */
export function load(users: readonly User[], well: (answer: Answer) => boolean, everyMs = 10): Load {
  const counts: Record<string, number> = {};
  const failures: string[] = [];
  let seen = new Set<string>();
  let stopped = false;
  const one = async (user: User): Promise<void> => {
    while (!stopped) {
      try {
        const answer = await user.ask();
        if (!well(answer)) failures.push(`${answer.status} ${answer.text.slice(0, 200)}`);
        const version = answer.version ?? 'none';
        counts[version] = (counts[version] ?? 0) + 1;
        seen.add(version);
      } catch (error) {
        failures.push(String(error));
      }
      await sleep(everyMs);
    }
  };
  const running = Promise.all(users.map(one));
  return {
    counts,
    failures,
    fresh() {
      const versions = seen;
      seen = new Set();
      return versions;
    },
    async stop() {
      stopped = true;
      await running;
    },
  };
}
