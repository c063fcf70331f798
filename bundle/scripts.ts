/**
 * Programs and worker threads that a module names by `new URL('./x.ts', import.meta.url)` are packed as well, and named by
 * where they are then.
 */
import { basename, dirname, resolve } from 'node:path';
import type { Plugin } from 'rolldown';

const SCRIPT = /new URL\('(\.[^']+\.ts)', import\.meta\.url\)/g;

/** @param entries files by name that are packed anyway */
export function scriptsByUrl(entries: Readonly<Record<string, string>>): Plugin {
  const names = new Map(Object.entries(entries).map(([name, file]) => [file, name]));
  return {
    name: 'scripts-by-url',
    transform: {
      filter: { id: /\.ts$/, code: 'import.meta.url' },
      handler(code, id) {
        return code.replaceAll(SCRIPT, (_, path: string) => {
          const file = resolve(dirname(id), path);
          let name = names.get(file);
          if (name === undefined) {
            name = basename(file, '.ts');
            names.set(file, name);
            this.emitFile({ type: 'chunk', id: file, fileName: `${name}.mjs` });
          }
          // All files lie in one folder.
          return `new URL('./${name}.mjs', import.meta.url)`;
        });
      },
    },
  };
}
