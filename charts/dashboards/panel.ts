/** What a dashboard is made of, before Grafana's JSON is. */

export interface Query {
  expr: string;
  /** Name of a series, such as `{{version}}`. */
  legend?: string;
  /** One moment instead of a range. Tables ask so. */
  instant?: true;
}

/** Colours from a value on; the first counts from below. */
export type Thresholds = readonly [colour: string, ...(readonly [from: number, colour: string])[]];

/** Text and colour in place of a number. */
export type Mapping = Readonly<Record<string, readonly [text: string, colour: string]>>;

/** Column of a table, or series by its name. */
export interface FieldOption {
  /** Name of the column; for series a regular expression between slashes. */
  field: string;
  unit?: string;
  thresholds?: Thresholds;
  mapping?: Mapping;
  /** Shown as; `hidden` leaves it out. */
  title?: string;
  hidden?: true;
  width?: number;
  /** Dashed line. */
  dashed?: true;
  /** Address behind each value. */
  link?: { title: string; url: string };
}

export interface Panel {
  kind: 'timeseries' | 'stat' | 'table' | 'heatmap' | 'state-timeline';
  title: string;
  /** What it shows, and what to do when it looks bad. */
  description: string;
  queries: readonly Query[];
  /** Columns of 24. */
  width: number;
  height: number;
  /** Grafana's name of a unit. */
  unit?: string;
  decimals?: number;
  min?: number;
  max?: number;
  thresholds?: Thresholds;
  mapping?: Mapping;
  /** Series above each other. */
  stacked?: true;
  /** A stat shows the names of its series instead of their values. */
  names?: true;
  /** Column by which a table is sorted, greatest first. */
  sortBy?: string;
  fields?: readonly FieldOption[];
  /** In place of "No data". */
  noValue?: string;
  link?: { title: string; url: string };
  /** Has data only where there are such machines, so that no test on others can see any. */
  needs?: 'gpu';
}

export interface Row {
  title: string;
  panels: readonly Panel[];
  collapsed?: true;
}

export interface Variable {
  name: string;
  label: string;
  /** Such as `label_values(METRIC, LABEL)`. */
  query: string;
  /** Several at once, and all of them. */
  multi?: true;
}

/** Marks in all graphs of a dashboard. */
export interface Annotation {
  name: string;
  /** A mark wherever it has a value other than 0. */
  expr: string;
  title: string;
  text: string;
  colour: string;
}

export interface Dashboard {
  uid: string;
  title: string;
  description: string;
  variables: readonly Variable[];
  annotations: readonly Annotation[];
  rows: readonly Row[];
}

type Shaped = Omit<Panel, 'kind' | 'width' | 'height'> & Partial<Pick<Panel, 'width' | 'height'>>;

/** A third of the width unless told otherwise. */
export const graph = (panel: Shaped): Panel => ({ kind: 'timeseries', width: 8, height: 8, min: 0, ...panel });
export const stat = (panel: Shaped): Panel => ({ kind: 'stat', width: 4, height: 4, ...panel });
export const table = (panel: Shaped): Panel => ({ kind: 'table', width: 24, height: 10, ...panel });
/** Of a classic histogram: one query, by `le`. */
export const heatmap = (panel: Shaped): Panel => ({ kind: 'heatmap', width: 8, height: 8, ...panel });
export const timeline = (panel: Shaped): Panel => ({ kind: 'state-timeline', width: 12, height: 8, ...panel });

/** What Grafana fills in in an address, or in the name of a data source: `${…}`. */
export const filledIn = (name: string): string => `\${${name}}`;
