import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { createSecureContext } from 'node:tls';
import { stringify } from 'yaml';

/** What it takes to call an API server as one user. `ca` is PEM. */
export interface Access {
  url: string;
  token: string;
  ca: string;
}

/** The users of a control plane: the name of each, and the groups it is in. */
export type Users = Record<string, string[]>;

export const ADMIN = 'admin';

/** Writes a token file for kube-apiserver. @returns the token of each user */
export async function writeTokens(path: string, users: Users): Promise<Map<string, string>> {
  const tokens = new Map(Object.keys(users).map((user) => [user, randomBytes(24).toString('hex')]));
  const lines = Object.entries(users).map(
    ([user, groups]) => `${tokens.get(user)},${user},${user},"${groups.join(',')}"\n`,
  );
  await writeFile(path, lines.join(''), { mode: 0o600 });
  return tokens;
}

/** Whether the API server takes requests and has its first namespaces, which any test needs and readyz does not wait for. */
export async function isReady(admin: Access): Promise<boolean> {
  const paths = ['/readyz', '/api/v1/namespaces/default', '/api/v1/namespaces/kube-system'];
  const answers = await Promise.all(paths.map((path) => call(admin, 'GET', path)));
  return answers.every(({ status }) => status === 200);
}

/** Writes a kubeconfig, readable by its owner only, with one context that points at `access`. */
export async function writeKubeconfig(path: string, access: Access): Promise<void> {
  const name = 'modelship-test';
  const cluster = { server: access.url, 'certificate-authority-data': Buffer.from(access.ca).toString('base64') };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster }],
    users: [{ name, user: { token: access.token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  await writeFile(path, stringify(config), { mode: 0o600 });
}

export interface Answer {
  /** HTTP status. */
  status: number;
  text: string;
  /** What the API server warns of, as the header says it. */
  warning?: string | undefined;
}

const JSON_TYPE = 'application/json';
/** Of a connection that is kept; an API server ends what is idle for 90 s. */
const IDLE_MS = 30_000;
/** By authority: a connection costs more than what is asked over it. */
const agents = new Map<string, Agent>();

/** Keeps connections to the server of this authority, for all in this process. */
export function agentFor(ca: string): Agent {
  let agent = agents.get(ca);
  if (!agent) {
    agent = new Agent({ keepAlive: true, timeout: IDLE_MS, secureContext: createSecureContext({ ca }) });
    agents.set(ca, agent);
  }
  return agent;
}

/**
 * One call, for starting a control plane and for tests that ask the API server itself; others use the operator's client.
 * @param body sent as JSON; text as it is
 */
export async function call(
  access: Access,
  method: string,
  path: string,
  body?: unknown,
  contentType = JSON_TYPE,
): Promise<Answer> {
  for (;;) {
    const answer = await send(access, method, path, body, contentType);
    if (answer) return answer;
  }
}

/** @returns undefined where the server had ended a connection that was kept: to be sent anew */
function send(
  access: Access,
  method: string,
  path: string,
  body: unknown,
  contentType: string,
): Promise<Answer | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${access.token}`, 'content-type': contentType };
    const options = { method, headers, agent: agentFor(access.ca), timeout: 10_000 };
    const outgoing = request(new URL(path, access.url), options, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (part: string) => (text += part));
      incoming.on('end', () => {
        resolve({ status: incoming.statusCode ?? 0, text, warning: incoming.headers.warning });
      });
      incoming.on('error', reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${method} ${path}: no answer in 10 s`)));
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (outgoing.reusedSocket && error.code === 'ECONNRESET') resolve(undefined);
      else reject(error);
    });
    outgoing.end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body));
  });
}

/** Like call(), for an answer that must be a success. */
export async function mustCall(access: Access, method: string, path: string, body?: unknown): Promise<unknown> {
  const { status, text } = await call(access, method, path, body);
  if (status < 200 || status > 299) throw new Error(`${method} ${path}: ${status} ${text}`);
  return JSON.parse(text);
}
