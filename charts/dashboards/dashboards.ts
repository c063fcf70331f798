/** The dashboards that the chart brings. */
import { fleet } from './fleet.ts';
import { grafanaJson } from './grafana.ts';
import { modelDeployment } from './modeldeployment.ts';
import { operator } from './operator.ts';
import type { Dashboard } from './panel.ts';

/** By the name of their file. */
export const DASHBOARDS: Readonly<Record<string, Dashboard>> = {
  fleet,
  modeldeployment: modelDeployment,
  operator,
};

/** Every file, by its path in the chart. */
export function dashboardFiles(): Record<string, string> {
  const files = Object.entries(DASHBOARDS).map(([name, dashboard]) => [
    `files/dashboards/${name}.json`,
    `${JSON.stringify(grafanaJson(dashboard), undefined, 2)}\n`,
  ]);
  return Object.fromEntries(files);
}
