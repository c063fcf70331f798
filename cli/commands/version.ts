/** `modelship version`: what a bug report should name. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Command, Option } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import type { Context } from '../context.ts';
import { teach } from '../help.ts';
import { json } from '../output.ts';
import { table } from '../table.ts';

interface Versions {
  modelship: string;
  node: string;
  onnxruntime: string;
  platform: string;
}

export function addVersion(program: Command, context: Context): void {
  const command = program
    .command('version')
    .summary('print the versions of Modelship and what it runs on')
    .description(
      'Prints the versions of Modelship, Node and ONNX Runtime, and the platform: what a bug report should name.',
    )
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'))
    .action(({ output }: { output: 'text' | 'json' }) => {
      const versions = versionsHere();
      context.out.write(output === 'json' ? json(versions) : versionText(versions));
    });
  teach(command, {
    examples: [{ does: 'for a program', command: 'modelship version --output json' }],
    exits: { 0: 'printed', 2: 'the command line is wrong' },
  });
}

function versionsHere(): Versions {
  return {
    modelship: packageJson.version,
    node: process.versions.node,
    onnxruntime: onnxruntimeVersion(),
    platform: `${process.platform} ${process.arch}`,
  };
}

function versionText(versions: Versions): string {
  const columns = [{ title: '' }, { title: '' }];
  return `${table(columns, Object.entries(versions)).slice(1).join('\n')}\n`;
}

/** Read from its package, so that no native library is opened. */
function onnxruntimeVersion(): string {
  try {
    const file = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
    return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  } catch {
    return 'not installed';
  }
}
