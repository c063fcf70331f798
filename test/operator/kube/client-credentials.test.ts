/** Credentials that are rotated while the client runs. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { connect } from '../../../operator/kube/connect.ts';
import { CredentialError, Credentials } from '../../../operator/kube/credentials.ts';
import { HttpKubeClient } from '../../../operator/kube/http-client.ts';
import { type Login, readLogin } from '../../../operator/kube/http-config.ts';
import { CONFIG_MAPS, clientOf, credential, event, failure, json, KEY, SECRET, StubServer } from './client-stub.ts';
import { FakeClock } from './fake-clock.ts';

let folder: string;
let kubeconfig: string;
let clock: FakeClock;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'modelship-credentials-'));
  kubeconfig = join(folder, 'config');
  clock = new FakeClock();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Config {
  server?: string;
  cluster?: object;
  user?: object;
}

async function writeConfig({ server = 'https://127.0.0.1:6443', cluster, user = {} }: Config): Promise<void> {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  await writeFile(kubeconfig, stringify(config));
}

async function credentials(): Promise<Credentials> {
  const reload = (): Promise<Login> => readLogin({ kubeconfig, context: 'x' });
  return new Credentials(await reload(), reload, clock);
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const file = (name: string, text: string) => writeFile(join(folder, name), text);

describe('credentials', () => {
  it('of a token file are read again after a while, and kept in between', async () => {
    await writeConfig({ user: { tokenFile: 'token', token: 'other' } });
    await file('token', 'first\n');
    const source = await credentials();
    const first = await source.current();
    expect(first).toMatchObject({ generation: 1, server: 'https://127.0.0.1:6443', headers: bearer('first') });
    await file('token', 'second\n');
    expect(source.current()).toBe(first);
    await clock.advance(10_000);
    const second = await source.current();
    expect(second).toMatchObject({ generation: 2, headers: bearer('second'), tlsKey: first.tlsKey });
    await clock.advance(10_000);
    expect(await source.current()).toBe(second);
  });

  it('that cannot be read for a moment stay in force', async () => {
    await writeConfig({ user: { tokenFile: 'token', 'client-certificate': 'cert', 'client-key': 'key' } });
    for (const name of ['token', 'cert', 'key']) await file(name, name);
    const source = await credentials();
    const first = await source.current();
    await file('token', '');
    await rm(join(folder, 'cert'));
    await clock.advance(30_000);
    expect(await source.current()).toBe(first);
    expect(await source.renew(first)).toBe(first);
  });

  it('of certificates are read again, and mean other connections', async () => {
    await writeConfig({
      cluster: { 'certificate-authority': 'ca', 'tls-server-name': 'kubernetes' },
      user: { 'client-certificate': 'cert', 'client-key': 'key' },
    });
    for (const name of ['ca', 'cert', 'key']) await file(name, `${name} 1`);
    const source = await credentials();
    const keys = new Set([(await source.current()).tlsKey]);
    for (const name of ['ca', 'cert', 'key']) {
      await file(name, `${name} 2`);
      await clock.advance(10_000);
      keys.add((await source.current()).tlsKey);
    }
    expect(keys.size).toBe(4);
    const { tls, generation } = await source.current();
    const text = Object.fromEntries(Object.entries(tls).map(([name, value]) => [name, String(value)]));
    expect(text).toEqual({ ca: 'ca 2', cert: 'cert 2', key: 'key 2', servername: 'kubernetes' });
    expect(generation).toBe(4);
  });

  it('that were rejected are read again at once, by one for all, and not again within a second', async () => {
    await writeConfig({ user: { token: 'first' } });
    const source = await credentials();
    const first = await source.current();
    await writeConfig({ user: { token: 'second' } });
    const renewed = await Promise.all([source.renew(first), source.renew(first)]);
    expect(renewed).toMatchObject([{ generation: 2, headers: bearer('second') }, { generation: 2 }]);
    expect(source.current()).toBe(renewed[0]);
    await writeConfig({ user: { token: 'third' } });
    expect(await source.renew(renewed[0])).toBe(renewed[0]);
    await clock.advance(1_000);
    expect(await source.renew(renewed[0])).toMatchObject({ generation: 3, headers: bearer('third') });
  });

  it('that many requests saw rejected are renewed once', async () => {
    await writeConfig({ user: { token: 'first' } });
    const login = await readLogin({ kubeconfig });
    const reload = vi.fn(async () => login);
    const source = new Credentials(login, reload, clock);
    const first = await source.current();
    await Promise.all([source.renew(first), source.renew(first), source.renew(first)]);
    expect(reload).toHaveBeenCalledOnce();
  });

  it('are never those of another server, which the kubeconfig has come to name', async () => {
    await writeConfig({ user: { token: 'first' } });
    const source = await credentials();
    const first = await source.current();
    await writeConfig({ server: 'https://127.0.0.2:6443', user: { token: 'second' } });
    expect(await source.renew(first)).toBe(first);
  });

  const USERS: [string, object, object][] = [
    ['a name and a password', { username: 'me', password: 'word' }, { authorization: 'Basic bWU6d29yZA==' }],
    ['nothing', {}, {}],
    ['a token, as somebody else', { token: 't\n', as: 'nobody' }, { ...bearer('t'), 'impersonate-user': 'nobody' }],
  ];
  it.each(USERS)('of %s become headers', async (_, user, headers) => {
    await writeConfig({ user, cluster: { 'insecure-skip-tls-verify': true } });
    const read = await (await credentials()).current();
    expect(read.headers).toEqual(headers);
    expect(read.tls).toEqual({ rejectUnauthorized: false });
  });
});

describe('a plugin', () => {
  const plugin = (script: string) => ({
    exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'sh', args: ['-c', script] },
  });

  it('is asked once, and again after a 401', async () => {
    const status = (token: string) => JSON.stringify({ status: { token } });
    await writeConfig({ user: plugin(`echo x >>${folder}/runs; echo '${status('first')}'`) });
    const source = await credentials();
    const first = await source.current();
    await clock.advance(60_000);
    expect(await source.current()).toBe(first);
    expect(await readFile(join(folder, 'runs'), 'utf8')).toBe('x\n');
    await writeConfig({ user: plugin(`echo '${status('second')}'`) });
    expect(await source.renew(first)).toMatchObject({ headers: bearer('second') });
  });

  it('that fails is an error, which says why', async () => {
    await writeConfig({ user: plugin('echo "log in first" >&2; exit 1') });
    const source = await credentials();
    const error = await Promise.resolve(source.current()).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CredentialError);
    expect((error as Error).message).toBe('the credentials of context "x" cannot be read: log in first');
    await expect(connect({ kubeconfig })).rejects.toThrow('log in first');
  });

  it('that prints something else is an error, which does not repeat it', async () => {
    await writeConfig({ user: plugin(`echo ${SECRET}`) });
    await expect(connect({ kubeconfig })).rejects.toThrow('what the plugin printed is no JSON');
  });
});

describe('a client', () => {
  it('reads a rotated token file after a 401, and asks once more', async () => {
    await using stub = await StubServer.open((response, { headers }) =>
      headers.authorization === 'Bearer second' ? json(response, 200, { metadata: KEY }) : json(response, 401, {}),
    );
    await writeConfig({ server: stub.url, user: { tokenFile: 'token' } });
    await file('token', 'first');
    const statuses: number[] = [];
    const { client, close } = await connect({ kubeconfig, observe: ({ status }) => statuses.push(status) });
    await file('token', 'second');
    expect(await client.get(CONFIG_MAPS, KEY)).toMatchObject({ metadata: KEY });
    expect(statuses).toEqual([401, 200]);
    await close();
  });

  it('asks no second time when there is no other credential, and once when that is refused too', async () => {
    await using stub = await StubServer.open((response) => json(response, 401, {}));
    const { client, credentials: source } = clientOf(stub.url);
    expect(await failure(client.get(CONFIG_MAPS, KEY))).toMatchObject({ code: 'Unauthorized', status: 401 });
    expect(stub.requests).toHaveLength(1);
    vi.spyOn(source, 'renew').mockResolvedValue(credential(stub.url, 'second', 2));
    expect(await failure(client.get(CONFIG_MAPS, KEY))).toMatchObject({ code: 'Unauthorized' });
    expect(stub.requests).toHaveLength(3);
    await client.close();
  });

  it('starts a watch with the new token', async () => {
    const object = { metadata: { ...KEY, resourceVersion: '6' } };
    await using stub = await StubServer.open((response, { headers }) =>
      headers.authorization === 'Bearer second' ? response.end(event('ADDED', object)) : json(response, 401, {}),
    );
    const { client, credentials: source } = clientOf(stub.url);
    vi.spyOn(source, 'renew').mockResolvedValue(credential(stub.url, 'second', 2));
    const seen: string[] = [];
    const { signal } = new AbortController();
    const options = { resourceVersion: '5', timeoutSeconds: 1, signal };
    await client.watch(CONFIG_MAPS, options, ({ type }) => seen.push(type));
    expect(seen).toEqual(['ADDED']);
    await client.close();
  });

  it('takes new connections for new certificates, and lets a watch on the old one live', async () => {
    const watching = Promise.withResolvers<() => void>();
    await using stub = await StubServer.open((response, { url }) => {
      if (!url?.includes('watch=1')) return json(response, 200, { metadata: KEY });
      response.flushHeaders();
      watching.resolve(() => response.end(event('ADDED', { metadata: KEY })));
    });
    const { client, credentials: source } = clientOf(stub.url);
    await client.get(CONFIG_MAPS, KEY);
    const seen: string[] = [];
    const { signal } = new AbortController();
    const options = { resourceVersion: '5', timeoutSeconds: 1, signal };
    const watch = client.watch(CONFIG_MAPS, options, ({ type }) => seen.push(type));
    const end = await watching.promise;
    source.next = credential(stub.url, SECRET, 2, 'other certificates');
    await client.get(CONFIG_MAPS, KEY);
    const [first, second, third] = stub.requests.map(({ connection }) => connection);
    expect(new Set([first, second, third]).size).toBe(3);
    end();
    await watch;
    expect(seen).toEqual(['ADDED']);
    await client.close();
  });

  it('whose credentials take too long is a Timeout, and nothing is sent', async () => {
    await using stub = await StubServer.open();
    const never = new Promise<never>(() => {});
    const source = { current: () => never, renew: () => never };
    const client = new HttpKubeClient({ server: stub.url, credentials: source, clock, timeoutMs: 2_000 });
    const asked = failure(client.get(CONFIG_MAPS, KEY));
    await clock.advance(2_000);
    const error = await asked;
    expect(error).toMatchObject({ code: 'Timeout' });
    expect(error.message).toBe('get ConfigMap models/digits: no credentials in 2 s');
    expect(stub.requests).toEqual([]);
    await client.close();
  });

  it('whose credentials cannot be read is Unauthorized', async () => {
    const broken = () => Promise.reject(new CredentialError('no such file'));
    const source = { current: broken, renew: broken };
    const client = new HttpKubeClient({ server: 'http://127.0.0.1:1', credentials: source });
    const error = await failure(client.get(CONFIG_MAPS, KEY));
    expect(error).toMatchObject({ code: 'Unauthorized', status: 0 });
    expect(error.message).toBe('get ConfigMap models/digits: no such file');
  });

  it('goes through a proxy that its kubeconfig names', async () => {
    await using proxy = await StubServer.open((response) => json(response, 200, { metadata: KEY }));
    const source = { ...credential('http://api.example.com'), proxy: proxy.url };
    const client = new HttpKubeClient({
      server: source.server,
      credentials: { current: () => source, renew: async () => source },
    });
    await client.get(CONFIG_MAPS, KEY);
    expect(proxy.requests).toMatchObject([
      {
        url: 'http://api.example.com/api/v1/namespaces/models/configmaps/digits',
        headers: { host: 'api.example.com' },
      },
    ]);
    await client.close();
  });
});
