/** Installs the peers into the cache: `node bench/peers/install.ts [NAME …]`. What is there already stays. */
import { parseArgs } from 'node:util';
import { PEER_NAMES, type PeerName, requirementsOf } from './catalogue.ts';
import { venv } from './venv.ts';

const { positionals } = parseArgs({ allowPositionals: true });
const unknown = positionals.find((name) => !(PEER_NAMES as readonly string[]).includes(name));
if (unknown) {
  process.stderr.write(`no peer '${unknown}'; there are ${PEER_NAMES.join(', ')}\n`);
  process.exit(2);
}
const names = positionals.length > 0 ? (positionals as PeerName[]) : PEER_NAMES;
for (const name of names) {
  try {
    const python = await venv(name, requirementsOf(name), (line) => process.stdout.write(`${line}\n`));
    process.stdout.write(`${name}: ${python}\n`);
  } catch (error) {
    process.stderr.write(`${name}: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
