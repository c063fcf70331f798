import { writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { stringify } from 'yaml';

/** What it takes to call an API server as one user. `ca` is PEM. */
export interface Access {
  url: string;
  token: string;
  ca: string;
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

/** One call, for what starting a control plane needs; tests use the operator's own client. */
export function call(
  access: Access,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${access.token}`, 'content-type': 'application/json' };
    const options = { method, ca: access.ca, headers, agent: false, timeout: 10_000 };
    const outgoing = request(new URL(path, access.url), options, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (part: string) => (text += part));
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
      incoming.on('error', reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${method} ${path}: no answer in 10 s`)));
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Like call(), for an answer that must be a success. */
export async function mustCall(access: Access, method: string, path: string, body?: unknown): Promise<unknown> {
  const { status, text } = await call(access, method, path, body);
  if (status < 200 || status > 299) throw new Error(`${method} ${path}: ${status} ${text}`);
  return JSON.parse(text);
}
