/** A dashboard → Grafana's JSON, of the schema that versions 10 to 12 read. */
import {
  type Annotation,
  type Dashboard,
  type FieldOption,
  filledIn,
  type Mapping,
  type Panel,
  type Query,
  type Row,
  type Thresholds,
  type Variable,
} from './panel.ts';

export type Json = { [key: string]: unknown };

const SCHEMA = 39;
const TAG = 'modelship';
const DATASOURCE = { type: 'prometheus', uid: filledIn('datasource') };
const COLUMNS = 24;
/** Of Grafana's editor of variables. */
const LABEL_VALUES = 1;
/** To the other dashboards. */
const LINKS = {
  ...{ type: 'dashboards', title: 'Modelship', tags: [TAG], icon: 'external link', tooltip: '' },
  ...{ asDropdown: false, includeVars: true, keepTime: true, targetBlank: false },
};

export function grafanaJson({ uid, title, description, variables, annotations, rows }: Dashboard): Json {
  return {
    uid,
    title,
    description,
    tags: [TAG],
    schemaVersion: SCHEMA,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    fiscalYearStartMonth: 0,
    links: [LINKS],
    templating: { list: [datasource(), ...variables.map(variableJson)] },
    annotations: { list: annotations.map(annotationJson) },
    panels: laidOut(rows),
  };
}

function datasource(): Json {
  return { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', hide: 0, refresh: 1 };
}

function variableJson({ name, label, query, multi }: Variable): Json {
  return {
    name,
    label,
    type: 'query',
    datasource: DATASOURCE,
    definition: query,
    query: { qryType: LABEL_VALUES, query, refId: name },
    // When the time range changes: versions come and go.
    refresh: 2,
    sort: 1,
    hide: 0,
    multi: multi ?? false,
    includeAll: multi ?? false,
    ...(multi && { allValue: '.*', current: { text: 'All', value: '$__all' } }),
  };
}

function annotationJson({ name, expr, title, text, colour }: Annotation): Json {
  return {
    name,
    datasource: DATASOURCE,
    enable: true,
    hide: false,
    iconColor: colour,
    expr,
    step: '30s',
    titleFormat: title,
    textFormat: text,
  };
}

/** From left to right, as many as a line holds; a collapsed row keeps its panels within. */
function laidOut(rows: readonly Row[]): Json[] {
  const out: Json[] = [];
  let id = 0;
  let y = 0;
  for (const { title, panels, collapsed = false } of rows) {
    const row = { id: ++id, type: 'row', title, collapsed, gridPos: { x: 0, y: y++, w: COLUMNS, h: 1 } };
    let x = 0;
    let height = 0;
    const placed = panels.map((panel) => {
      if (x + panel.width > COLUMNS) {
        y += height;
        x = height = 0;
      }
      const gridPos = { x, y, w: panel.width, h: panel.height };
      x += panel.width;
      height = Math.max(height, panel.height);
      return { id: ++id, gridPos, ...panelJson(panel) };
    });
    y += height;
    out.push({ ...row, panels: collapsed ? placed : [] }, ...(collapsed ? [] : placed));
  }
  return out;
}

function panelJson(panel: Panel): Json {
  const { kind, title, description, queries } = panel;
  return {
    type: kind,
    title,
    description,
    datasource: DATASOURCE,
    targets: queries.map((query, at) => target(query, at, kind)),
    fieldConfig: { defaults: defaults(panel), overrides: overrides(panel) },
    options: options(panel),
    ...(kind === 'table' && { transformations: transformations(panel) }),
  };
}

function target({ expr, legend, instant }: Query, at: number, kind: Panel['kind']): Json {
  const moment = instant === true || kind === 'table';
  const format = kind === 'table' ? 'table' : kind === 'heatmap' ? 'heatmap' : 'time_series';
  return {
    refId: String.fromCharCode(65 + at),
    datasource: DATASOURCE,
    editorMode: 'code',
    expr,
    format,
    instant: moment,
    range: !moment,
    legendFormat: kind === 'heatmap' ? '{{le}}' : (legend ?? '__auto'),
  };
}

function defaults(panel: Panel): Json {
  const { kind, unit, decimals, min, max, thresholds, mapping, noValue, link } = panel;
  return {
    ...(unit !== undefined && { unit }),
    ...(decimals !== undefined && { decimals }),
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    ...(noValue !== undefined && { noValue }),
    ...(thresholds && { thresholds: thresholdsJson(thresholds) }),
    color: { mode: thresholds || mapping ? 'thresholds' : 'palette-classic' },
    ...(mapping && { mappings: mappings(mapping) }),
    ...(link && { links: [{ ...link, targetBlank: false }] }),
    ...(kind === 'timeseries' && { color: { mode: 'palette-classic' }, custom: lines(panel) }),
    ...(kind === 'state-timeline' && { custom: { fillOpacity: 80, lineWidth: 0 } }),
  };
}

function lines({ stacked, thresholds }: Panel): Json {
  return {
    drawStyle: 'line',
    lineWidth: 1,
    fillOpacity: stacked ? 40 : 8,
    showPoints: 'never',
    spanNulls: false,
    stacking: { mode: stacked ? 'normal' : 'none', group: 'A' },
    thresholdsStyle: { mode: thresholds ? 'dashed' : 'off' },
  };
}

function thresholdsJson([colour, ...more]: Thresholds): Json {
  const steps = [{ color: colour, value: null }, ...more.map(([value, color]) => ({ color, value }))];
  return { mode: 'absolute', steps };
}

function mappings(mapping: Mapping): Json[] {
  const results = Object.entries(mapping).map(([value, [text, color]], index) => [value, { text, color, index }]);
  return [{ type: 'value', options: Object.fromEntries(results) }];
}

function overrides({ fields = [], kind }: Panel): Json[] {
  return fields.filter(({ hidden }) => !hidden).map((field) => override(field, kind));
}

function override(option: FieldOption, kind: Panel['kind']): Json {
  const { field, unit, thresholds, mapping, title, width, dashed, link } = option;
  const properties: [string, unknown][] = [];
  if (unit !== undefined) properties.push(['unit', unit]);
  if (title !== undefined) properties.push(['displayName', title]);
  if (width !== undefined) properties.push(['custom.width', width]);
  if (mapping) properties.push(['mappings', mappings(mapping)]);
  if (thresholds) properties.push(['thresholds', thresholdsJson(thresholds)]);
  if (kind === 'table' && (mapping || thresholds)) {
    properties.push(['custom.cellOptions', { type: 'color-text' }], ['color', { mode: 'thresholds' }]);
  }
  if (dashed) properties.push(['custom.lineStyle', { fill: 'dash', dash: [8, 6] }]);
  if (link) properties.push(['links', [{ ...link, targetBlank: false }]]);
  const matcher = { id: field.startsWith('/') ? 'byRegexp' : 'byName', options: field };
  return { matcher, properties: properties.map(([id, value]) => ({ id, value })) };
}

function options(panel: Panel): Json {
  switch (panel.kind) {
    case 'timeseries':
      return {
        legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
        tooltip: { mode: 'multi', sort: 'desc' },
      };
    case 'stat':
      return {
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
        colorMode: panel.thresholds || panel.mapping ? 'background' : 'value',
        graphMode: 'none',
        textMode: panel.names ? 'name' : 'auto',
        justifyMode: 'auto',
        orientation: 'auto',
      };
    case 'heatmap':
      return {
        calculate: false,
        color: { mode: 'scheme', scheme: 'Oranges', exponent: 0.5, steps: 64 },
        yAxis: { unit: panel.unit, axisPlacement: 'left' },
        cellGap: 1,
        tooltip: { mode: 'single', yHistogram: true },
        legend: { show: true },
      };
    case 'state-timeline':
      return {
        showValue: 'auto',
        mergeValues: true,
        alignValue: 'left',
        rowHeight: 0.9,
        legend: { showLegend: false },
      };
    case 'table':
      return { showHeader: true, cellHeight: 'sm' };
  }
}

/**
 * One row for each set of labels that the queries have in common; a query's value is the column `Value #A` and so on.
 * Columns come in the order of `fields`.
 */
function transformations({ queries, fields = [], sortBy }: Panel): Json[] {
  const indexByName = Object.fromEntries(fields.map(({ field }, index) => [field, index]));
  const hidden = fields.filter((field) => field.hidden).map(({ field }) => field);
  const excludeByName = Object.fromEntries(['Time', ...hidden].map((field) => [field, true]));
  return [
    ...(queries.length > 1 ? [{ id: 'merge', options: {} }] : []),
    ...(sortBy === undefined ? [] : [{ id: 'sortBy', options: { fields: {}, sort: [{ field: sortBy, desc: true }] } }]),
    { id: 'organize', options: { excludeByName, indexByName, renameByName: {} } },
  ];
}
