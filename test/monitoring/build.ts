/** Prometheus and promtool, built once per version from the Go module pinned beside this file. */
import { join } from 'node:path';
import { builtAt, cacheFolder, type GoProgram, type Log, runScript } from '../go/build.ts';

const MODULE = join(import.meta.dirname, 'go/prometheus');
const PACKAGE = 'github.com/prometheus/prometheus';
const FLAGS = '-s -w';

export type MonitoringTool = 'prometheus' | 'promtool';
const TOOLS: readonly MonitoringTool[] = ['prometheus', 'promtool'];

/** The path of the tool, after building it where it is not there yet. */
export async function monitoringTool(name: MonitoringTool, log: Log = () => undefined): Promise<string> {
  const program: GoProgram = {
    name,
    module: MODULE,
    main: `${PACKAGE}/cmd/${name}`,
    linker: () => FLAGS,
    takes: 'a few minutes',
  };
  const folder = await cacheFolder('monitoring', [{ folder: MODULE, with: FLAGS }]);
  return builtAt(join(folder, name), program, log);
}

if (import.meta.main) {
  await runScript(async () => {
    for (const name of TOOLS) {
      process.stdout.write(`${await monitoringTool(name, (line) => process.stderr.write(`${line}\n`))}\n`);
    }
  });
}
