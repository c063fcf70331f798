// After `npm ci`. Where the packer or a Node that runs it is left out (`--omit=dev`), programs run from their sources.
import { existsSync } from 'node:fs';

const able = Number.parseInt(process.versions.node, 10) >= 24;
if (able && existsSync(new URL('../node_modules/rolldown', import.meta.url))) await import('./main.ts');
