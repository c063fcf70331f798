/** The dashboards as Grafana reads them: the files of the chart. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../../charts/modelship/files/dashboards');

export interface GrafanaPanel {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { uid: string };
  targets?: { refId: string; expr: string; instant: boolean; format: string }[];
  fieldConfig?: { overrides: { matcher: { options: string } }[] };
  transformations?: { options: { excludeByName?: Record<string, true> } }[];
  panels?: GrafanaPanel[];
}

export interface GrafanaDashboard {
  uid: string;
  title: string;
  schemaVersion: number;
  panels: GrafanaPanel[];
  templating: { list: { name: string; type: string; query: string | { query: string } }[] };
  annotations: { list: { name: string; expr: string }[] };
}

export function dashboardFile(name: string): GrafanaDashboard {
  return JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as GrafanaDashboard;
}

/** Those that draw something, also within rows that are collapsed. */
export function panelsOf({ panels }: Pick<GrafanaDashboard, 'panels'>): GrafanaPanel[] {
  return panels.flatMap((panel) => (panel.type === 'row' ? panelsOf({ panels: panel.panels ?? [] }) : [panel]));
}
