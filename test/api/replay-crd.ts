/** Replays the rule and format cases on a real API server: `node test/api/replay-crd.ts`. Exits 1 where it disagrees. */
import { readFile } from 'node:fs/promises';
import { startApiServer } from '../control-plane/start.ts';
import { FORMAT_CASES } from './format-cases.ts';
import { RULE_CASES } from './rule-cases.ts';
import { installCrd, verdict } from './server-judge.ts';

await using server = await startApiServer({ log: (line) => process.stderr.write(`${line}\n`) });
const access = { url: server.url, token: server.token, ca: await readFile(server.caPath, 'utf8') };
await installCrd(access);

const wrong: string[] = [];
let asked = 0;
for (const [name, rule] of Object.entries(RULE_CASES)) {
  const said = await verdict(access, rule);
  const wanted = rule.refusedByServer ?? rule.refused;
  const right = wanted === undefined ? said === undefined : said?.includes(wanted);
  asked++;
  if (!right) wrong.push(`${name}: wanted ${wanted ?? 'it accepted'}, got ${said ?? 'it accepted'}`);
}
for (const [name, { of, accepted, refused }] of Object.entries(FORMAT_CASES)) {
  for (const value of [...accepted, ...refused]) {
    const said = await verdict(access, { manifest: of(value) });
    asked++;
    if ((said === undefined) !== accepted.includes(value)) {
      wrong.push(`${name} ${JSON.stringify(value)}: got ${said ?? 'it accepted'}`);
    }
  }
}
process.stdout.write(`${[...wrong, `${asked} cases, ${wrong.length} wrong`].join('\n')}\n`);
process.exitCode = wrong.length > 0 ? 1 : 0;
