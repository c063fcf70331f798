/** A real Prometheus on this machine: started with a configuration, asked over its API, ended by the test. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import { monitoringTool } from './build.ts';

/** Addresses that are scraped, and the labels that their series get. */
export interface TargetGroup {
  targets: string[];
  labels: Record<string, string>;
}

export interface ScrapeJob {
  job_name: string;
  honor_labels?: boolean;
  metrics_path?: string;
  /** Read again whenever `Prometheus.targets` says so. */
  groups: readonly TargetGroup[];
}

export interface Series {
  metric: Record<string, string>;
  values: [time: number, value: string][];
}

const INTERVAL = '1s';
const LISTENS = /msg="Listening on".* address=(127\.0\.0\.1:\d+)/;
const START_MS = 60_000;

export class Prometheus implements AsyncDisposable {
  readonly url: string;
  readonly #folder: string;
  readonly #end: () => Promise<void>;

  private constructor(url: string, folder: string, end: () => Promise<void>) {
    this.url = url;
    this.#folder = folder;
    this.#end = end;
  }

  /** @param jobs scraped each second */
  static async start(jobs: readonly ScrapeJob[]): Promise<Prometheus> {
    const path = await monitoringTool('prometheus', (line) => process.stderr.write(`${line}\n`));
    const folder = await mkdtemp(join(tmpdir(), 'modelship-prometheus-'));
    const scrape = jobs.map(({ groups: _, ...job }) => ({
      ...job,
      file_sd_configs: [{ files: [targetsFile(folder, job.job_name)] }],
    }));
    const global = { scrape_interval: INTERVAL, scrape_timeout: INTERVAL };
    await writeFile(join(folder, 'prometheus.yml'), stringify({ global, scrape_configs: scrape }));
    for (const { job_name, groups } of jobs) await writeTargets(folder, job_name, groups);
    const args = ['--config.file=prometheus.yml', '--storage.tsdb.path=data', '--web.listen-address=127.0.0.1:0'];
    const child = spawn(path, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = once(child, 'exit');
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    const said: string[] = [];
    const end = async (): Promise<void> => {
      child.kill('SIGTERM');
      await ended;
      process.off('exit', kill);
      await rm(folder, { recursive: true, force: true });
    };
    const address = await new Promise<string>((resolve, reject) => {
      const why = (what: string) => reject(new Error(`Prometheus ${what}: ${said.slice(-5).join('\n')}`));
      const late = setTimeout(why, START_MS, 'does not listen');
      void ended.then(() => why('has ended'));
      createInterface({ input: child.stderr }).on('line', (line) => {
        if (said.length < 100) said.push(line);
        const [, found] = LISTENS.exec(line) ?? [];
        if (found === undefined) return;
        clearTimeout(late);
        resolve(found);
      });
    }).catch(async (error: unknown) => {
      await end();
      throw error;
    });
    return new Prometheus(`http://${address}`, folder, end);
  }

  /** Other targets for a job; taken over at once. */
  targets(job: string, groups: readonly TargetGroup[]): Promise<void> {
    return writeTargets(this.#folder, job, groups);
  }

  /** Series at this moment. @throws Error with the words of Prometheus */
  async query(expr: string): Promise<Series[]> {
    const result = await this.#ask<{ metric: Series['metric']; value: [number, string] }>('query', { query: expr });
    return result.map(({ metric, value }) => ({ metric, values: [value] }));
  }

  /** Series of the last seconds, one value a second. @throws Error with the words of Prometheus */
  range(expr: string, seconds: number): Promise<Series[]> {
    const end = Date.now() / 1_000;
    return this.#ask('query_range', { query: expr, start: String(end - seconds), end: String(end), step: '1' });
  }

  /** Values of a label in the series that a selector matches. @throws Error with the words of Prometheus */
  labelValues(label: string, selector: string): Promise<string[]> {
    return this.#ask(`label/${label}/values`, { 'match[]': selector });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }

  async #ask<T>(path: string, form: Record<string, string>): Promise<T[]> {
    const answer = await fetch(`${this.url}/api/v1/${path}?${new URLSearchParams(form)}`);
    const { data, error } = (await answer.json()) as {
      data?: T[] | { resultType: string; result: T[] };
      error?: string;
    };
    if (!data) throw new Error(`${error} in ${Object.values(form)[0]}`);
    if (Array.isArray(data)) return data;
    if (data.resultType === 'scalar') throw new Error(`a scalar, not series: ${form.query}`);
    return data.result;
  }
}

const targetsFile = (folder: string, job: string): string => join(folder, `${job.replaceAll('/', '_')}.json`);

/** Prometheus follows the file, and must never see half of it. */
async function writeTargets(folder: string, job: string, groups: readonly TargetGroup[]): Promise<void> {
  const path = targetsFile(folder, job);
  await writeFile(`${path}.next`, JSON.stringify(groups));
  await rename(`${path}.next`, path);
}
