/** What proves to an API server who asks, kept for a moment and read again, because tokens and certificates are rotated. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import type { Clock } from './clock.ts';
import type { Login } from './http-config.ts';

export interface TlsMaterial {
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  servername?: string;
  rejectUnauthorized?: boolean;
}

export interface Credential {
  /** Grows when anything in it changes. */
  generation: number;
  server: string;
  headers: Record<string, string | string[]>;
  tls: TlsMaterial;
  /** Equal when a connection made with one may be used with the other. */
  tlsKey: string;
  /** URL of an HTTP proxy. */
  proxy?: string | undefined;
}

/** Both reject with a CredentialError. */
export interface CredentialSource {
  /** No promise while what was read last is fresh, so that a request waits for nothing. */
  current(): Credential | Promise<Credential>;
  /** After a 401. @returns one of a later generation, or the same when there is no other */
  renew(rejected: Credential): Promise<Credential>;
}

/** The message holds no part of a credential. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';
}

/** How long what was read is used without a look. */
export const FRESH_MS = 10_000;
/** Answers 401 that come faster than this do not start a plugin each. */
const RENEWAL_MS = 1_000;
/** A plugin that has not answered by then is given up; another attempt starts another one. */
const PLUGIN_MS = 60_000;
const LONGEST_REASON = 500;

export class Credentials implements CredentialSource {
  readonly #clock: Clock;
  readonly #reload: () => Promise<Login>;
  #login: Login;
  #held: Credential | undefined;
  #readAt = 0;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #token = '';
  #reading: Promise<Credential> | undefined;
  #renewing: Promise<Credential> | undefined;

  /** @param reload reads the configuration anew; what it says of another server is not taken */
  constructor(login: Login, reload: () => Promise<Login>, clock: Clock) {
    this.#login = login;
    this.#reload = reload;
    this.#clock = clock;
  }

  current(): Credential | Promise<Credential> {
    if (this.#held && this.#clock.now() - this.#readAt < FRESH_MS) return this.#held;
    return this.#read();
  }

  async renew(rejected: Credential): Promise<Credential> {
    const held = this.#held;
    const newer = held && held.generation > rejected.generation;
    if (newer) return held;
    if (this.#renewing) return this.#renewing;
    if (this.#clock.now() - this.#renewedAt < RENEWAL_MS) return held ?? rejected;
    this.#renewing = this.#renew();
    try {
      return await this.#renewing;
    } finally {
      this.#renewing = undefined;
      this.#renewedAt = this.#clock.now();
    }
  }

  async #renew(): Promise<Credential> {
    // One that is under way may have begun before the change.
    await this.#reading?.catch(() => undefined);
    try {
      const login = await this.#reload();
      if (login.server === this.#login.server) this.#login = login;
    } catch {
      // A kubeconfig that is being written: the one before still stands, and its files are read below.
    }
    return this.#read();
  }

  #read(): Promise<Credential> {
    this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** Files that cannot be read now leave what was read last in force. */
  async #readOnce(): Promise<Credential> {
    const held = this.#held;
    try {
      const late = () => new CredentialError(`no credentials after ${PLUGIN_MS / 1000} s`);
      const read = await within(this.#resolve(this.#login), PLUGIN_MS, this.#clock, late);
      const same = held && held.tlsKey === read.tlsKey && JSON.stringify(held.headers) === JSON.stringify(read.headers);
      this.#held = same ? held : { ...read, generation: (held?.generation ?? 0) + 1 };
    } catch (error) {
      if (!held) throw new CredentialError(reasonOf(this.#login, error), { cause: error });
    }
    this.#readAt = this.#clock.now();
    return this.#held as Credential;
  }

  async #resolve(login: Login): Promise<Omit<Credential, 'generation'>> {
    const options: RequestOptions = {};
    await login.config.applyToHTTPSOptions(options);
    const { server, proxy } = login;
    const headers: Credential['headers'] = {};
    for (const [name, value] of Object.entries(options.headers ?? {})) {
      if (typeof value === 'string') headers[name.toLowerCase()] = value.trim();
    }
    if (options.auth) headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    const token = await this.#tokenOf(login, headers.authorization !== undefined);
    if (token) headers.authorization = `Bearer ${token}`;
    const tls = tlsOf(options);
    return { server, proxy, headers, tls, tlsKey: keyOf(server, proxy, tls) };
  }

  /** @param other whether there is another way to say who asks; then a file that cannot be read is none */
  async #tokenOf({ tokenFile }: Login, other: boolean): Promise<string> {
    if (tokenFile === undefined) return '';
    try {
      const token = (await readFile(tokenFile, 'utf8')).trim();
      // Empty while somebody writes it.
      if (token) this.#token = token;
    } catch (error) {
      if (!this.#token && !other) throw error;
    }
    return this.#token;
  }
}

/** Settles as `work` does, or rejects with `late()` after `ms`. */
export function within<T>(work: Promise<T>, ms: number, clock: Clock, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => reject(late()));
    work.then(resolve, reject).finally(cancel);
  });
}

function tlsOf({ ca, cert, key, servername, rejectUnauthorized }: RequestOptions): TlsMaterial {
  return {
    ...(ca && { ca: ca as Buffer }),
    ...(cert && { cert: cert as Buffer }),
    ...(key && { key: key as Buffer }),
    ...(servername && { servername }),
    ...(rejectUnauthorized === false && { rejectUnauthorized }),
  };
}

function keyOf(server: string, proxy: string | undefined, tls: TlsMaterial): string {
  const text = (part: string | Buffer | undefined) => part?.toString('latin1') ?? '';
  const parts = [server, proxy, tls.servername, tls.rejectUnauthorized, text(tls.ca), text(tls.cert), text(tls.key)];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64');
}

function reasonOf({ context }: Login, error: unknown): string {
  // What JSON.parse could not read it quotes, and a plugin prints tokens.
  const said = error instanceof SyntaxError ? 'what the plugin printed is no JSON' : (error as Error).message;
  return `the credentials of context "${context}" cannot be read: ${said.trim().slice(0, LONGEST_REASON)}`;
}
