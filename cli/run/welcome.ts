/** Lines that work when pasted: real input where there is some, else made up from the model's signature. */
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { parseModelDeployments } from '../../api/parse.ts';
import { quoted } from '../context.ts';
import { fetchMetadata, type ModelMetadata } from '../predict/client.ts';
import { exampleRequest } from '../predict/example.ts';
import { readInput } from '../predict/input.ts';
import type { Welcome } from './reporter.ts';

export const REQUEST_FILE = 'request.json';
/** A body longer than this is no line to paste. */
const INLINE_MAX = 300;
const DEFAULT_PORT = '8080';

export interface WelcomeOptions {
  deployments: readonly { name: string; url: string; grpc?: string }[];
  /** YAML files, as the user named them. */
  files: readonly string[];
  cwd: string;
  /** How the user starts this program. */
  invoked: string;
}

export async function welcomesOf({ deployments, files, cwd, invoked }: WelcomeOptions): Promise<Welcome[]> {
  const folders = foldersByName(files);
  return Promise.all(
    deployments.map(async ({ name, url, grpc }) => {
      const metadata = await fetchMetadata({ url, model: name }).catch(() => undefined);
      const folder = folders.get(name);
      const file = folder === undefined ? undefined : requestFileIn(folder, metadata, cwd);
      const welcome = welcomeOf({ name, url, metadata, file, invoked });
      return grpc === undefined ? welcome : { ...welcome, grpc };
    }),
  );
}

interface Known {
  name: string;
  url: string;
  metadata: ModelMetadata | undefined;
  /** A request that the model takes. */
  file: string | undefined;
  invoked: string;
}

export function welcomeOf({ name, url, metadata, file, invoked }: Known): Welcome {
  const endpoint = `${url}/v2/models/${name}/infer`;
  const at = URL.parse(url)?.port === DEFAULT_PORT ? '' : ` --url ${url}`;
  const ask = `curl -s ${endpoint} -H 'content-type: application/json'`;
  const predict = `${invoked} predict ${name}${at}`;
  if (file !== undefined) {
    return { model: name, url, curl: `${ask} -d ${quoted(`@${file}`)}`, predict: `${predict} --input ${quoted(file)}` };
  }
  const body = metadata && JSON.stringify(exampleRequest(metadata));
  if (body === undefined || body.length > INLINE_MAX) {
    return { model: name, url, curl: `${predict} --example | ${ask} -d @-`, predict };
  }
  return {
    model: name,
    url,
    curl: `${ask} -d ${quoted(body)}`,
    predict: `echo ${quoted(body)} | ${predict} --input -`,
  };
}

function foldersByName(files: readonly string[]): Map<string, string> {
  const folders = new Map<string, string>();
  for (const file of files) {
    try {
      const { documents } = parseModelDeployments(readFileSync(file, 'utf8'), file, { otherKinds: 'ignore' });
      for (const { metadata } of documents) folders.set(metadata.name, dirname(resolve(file)));
    } catch {
      // It was read a moment ago; without it, a made-up request does.
    }
  }
  return folders;
}

/** `request.json` beside the YAML file, if it is a request for this model. */
function requestFileIn(folder: string, metadata: ModelMetadata | undefined, cwd: string): string | undefined {
  const path = join(folder, REQUEST_FILE);
  try {
    const input = readInput(readFileSync(path, 'utf8'), path);
    if (input.kind !== 'request') return undefined;
    const { inputs } = JSON.parse(input.text) as { inputs: { name: string }[] };
    const names = (list: readonly { name: string }[]) =>
      list
        .map(({ name }) => name)
        .sort()
        .join();
    if (metadata && names(inputs) !== names(metadata.inputs)) return undefined;
  } catch {
    return undefined;
  }
  const near = relative(cwd, path);
  return near.startsWith(`..${sep}`) ? path : near;
}
