/**
 * A runtime process in a few lines, for tests that need a process and no model. It takes the command line of the real one
 * and passes the same contract (`process.test.ts`). `--uri` says how it behaves: `ok`, `missing` (no model),
 * `silent` (never ready), `crash` (ends with a complaint).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import type { FromRuntime, PublicDoorName, ToRuntime } from '../../api/handoff.ts';
import { REPORT_PATH } from '../../api/pod-report.ts';
import { report } from './build.ts';

const { values } = parseArgs({ strict: false });
const flag = (name: string) =>
  values[name] === undefined ? undefined : String(process.argv[process.argv.indexOf(`--${name}`) + 1]);
const version = String(flag('version'));
const behaviour = flag('uri')?.split('/').at(-1);
const tell = (message: FromRuntime) => process.send?.(message);

let answered = 0;
let revision = 0;
let draining = false;
const entries = new Map<PublicDoorName, Server>();

const listen = (server: Server) =>
  new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );

const answering = () =>
  createServer((_request, response) => {
    answered++;
    response.setHeader('modelship-version', version);
    if (draining || entries.size === 0) response.setHeader('connection', 'close');
    response.end('{}');
  });

const direct = answering();
const admin = createServer((request, response) => {
  response.statusCode = request.url === REPORT_PATH ? 200 : 404;
  response.end(JSON.stringify(report(version, { [version]: { answered } })));
});

/** Only at the start and each 20 ms: enough for a test. */
function readTable(): void {
  try {
    const next = JSON.parse(readFileSync(String(flag('table')), 'utf8')).revision;
    if (next !== revision) tell({ type: 'table', revision: next });
    revision = next;
  } catch {
    // There is none yet.
  }
}

process.on('message', (message: ToRuntime, handle: unknown) => {
  const close = () => {
    for (const entry of entries.values()) entry.close();
    entries.clear();
  };
  if (message.type === 'take') {
    // Over the gRPC socket it speaks HTTP, too: who answers is all that counts here.
    const entry = answering();
    entries.set(message.door, entry);
    entry.listen(handle as object, () => tell({ type: 'taken', door: message.door }));
  } else if (message.type === 'release') {
    close();
    tell({ type: 'released' });
  } else if (message.type === 'drain') {
    draining = true;
    close();
    setTimeout(() => process.exit(0), message.lameDuck);
  }
});
process.on('disconnect', () => process.exit(0));

if (behaviour === 'missing' || behaviour === 'crash') {
  if (behaviour === 'missing')
    writeFileSync(String(flag('termination-log')), 'MODEL_NOT_THERE: there is no file missing\n');
  process.stderr.write('the end of what it wrote\n');
  process.exit(1);
}
tell({ type: 'listening', direct: await listen(direct), admin: await listen(admin) });
if (flag('table')) setInterval(readTable, 20);
if (behaviour !== 'silent') tell({ type: 'ready' });
