/** helm, kube-score and kubeconform, built from the Go modules pinned beside this file. */
import { join } from 'node:path';
import { builtAt, cacheFolder, type GoProgram, type Log, runScript } from '../go/build.ts';

const KUBERNETES = { major: '1', minor: '34' };
const FLAGS = '-s -w';

const program = (name: string, main: string, more = ''): GoProgram => ({
  name,
  module: join(import.meta.dirname, 'go', name),
  main,
  linker: () => `${FLAGS}${more}`,
  takes: 'a minute or two',
});

/** helm judges `kubeVersion` of a chart by the version that it was linked with. */
const HELM_VERSION = Object.entries({ k8sVersionMajor: KUBERNETES.major, k8sVersionMinor: KUBERNETES.minor })
  .map(([name, value]) => ` -X helm.sh/helm/v3/pkg/chartutil.${name}=${value}`)
  .join('');

const TOOLS = {
  helm: program('helm', 'helm.sh/helm/v3/cmd/helm', HELM_VERSION),
  'kube-score': program('kube-score', 'github.com/zegl/kube-score/cmd/kube-score'),
  kubeconform: program('kubeconform', 'github.com/yannh/kubeconform/cmd/kubeconform'),
};
export type ChartTool = keyof typeof TOOLS;

/** The path of the tool, after building it where it is not there yet. */
export async function chartTool(name: ChartTool, log: Log = () => undefined): Promise<string> {
  const tool = TOOLS[name];
  const folder = await cacheFolder(`chart/${name}`, [{ folder: tool.module, with: tool.linker('') }]);
  return builtAt(join(folder, name), tool, log);
}

if (import.meta.main) {
  await runScript(async () => {
    for (const name of Object.keys(TOOLS) as ChartTool[]) {
      process.stdout.write(`${await chartTool(name, (line) => process.stderr.write(`${line}\n`))}\n`);
    }
  });
}
