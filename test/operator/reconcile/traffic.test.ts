import { describe, expect, test } from 'vitest';
import { TRAFFIC_TABLE_FILE, type TrafficTable, trafficTable } from '../../../api/traffic-table.ts';
import type { StoredObject } from '../../../operator/kube/object.ts';
import { lostTable, lostVersions, storedTable, withTableNotes } from '../../../operator/reconcile/traffic.ts';
import { tableConfigMap } from '../../../operator/render/config-map.ts';
import { table } from '../../core/build.ts';
import { model, OWNER, spec, stored } from './build.ts';

const TABLE = table({ v1: 90, v2: 10 });
const SUBJECT = {
  model: 'digits',
  namespace: 'models',
  owner: { ...OWNER, controller: true, blockOwnerDeletion: true },
} as const;
const NOW = 1_767_225_600_999;

/** As the API server stores what was rendered. */
function configMap(of: TrafficTable, lost: string[] = []): StoredObject {
  const rendered = withTableNotes(tableConfigMap(SUBJECT, of, []), lost);
  const { metadata } = stored('ConfigMap', 'digits-traffic');
  return { ...rendered, metadata: { ...metadata, annotations: rendered.metadata.annotations ?? {} } };
}

function edited(of: StoredObject, text: string): StoredObject {
  return { ...of, data: { [TRAFFIC_TABLE_FILE]: text } };
}

const textOf = ({ data }: StoredObject): string => (data as Record<string, string>)[TRAFFIC_TABLE_FILE] as string;
/** The rendered table has no addresses here: nothing is planned to run. */
const BARE = trafficTable.parse({ ...TABLE, versions: TABLE.versions.map(({ address: _, ...row }) => row) });

describe('the table that the ConfigMap holds', () => {
  test('is what was applied, with the versions that lost traffic', () => {
    const object = configMap(TABLE, ['v3', 'v2']);
    expect(storedTable(object)).toEqual(BARE);
    expect(lostVersions(object)).toEqual(['v2', 'v3']);
    expect(lostVersions(configMap(TABLE))).toEqual([]);
    expect(lostVersions(stored('ConfigMap', 'digits-traffic'))).toEqual([]);
  });

  test('what is read back is rendered as the same text, or it would be written for ever', () => {
    const object = configMap(TABLE);
    const again = tableConfigMap(SUBJECT, storedTable(object) as TrafficTable, []);
    expect(again.data).toEqual(object.data);
  });

  const object = configMap(TABLE);
  const { [TRAFFIC_TABLE_FILE]: _, ...rest } = object.data as Record<string, string>;
  const forged = withTableNotes({ ...object, data: { [TRAFFIC_TABLE_FILE]: '{}' } } as never, []) as StoredObject;
  test.each<[string, StoredObject | undefined]>([
    ['there is none', undefined],
    ['somebody wrote another table into it', edited(object, textOf(object).replace('"revision":7', '"revision":8'))],
    ['somebody added a space', edited(object, `${textOf(object)} `)],
    ['somebody took the file out', { ...object, data: rest }],
    ['it has no hash', { ...object, metadata: { ...object.metadata, annotations: {} } }],
    ['its hash is right, and it is no table', forged],
  ])('is unknown when %s', (_, at) => expect(storedTable(at)).toBeUndefined());
});

describe('the table to put back', () => {
  const md = model(spec([{ name: 'v1', traffic: 100 }]));
  const told = (shares: Record<string, number>) => ({
    ...md,
    status: {
      versions: Object.entries(shares).map(([name, traffic]) => ({ name, phase: 'Ready' as const, traffic })),
    },
  });
  const at = (revision: number) => edited(configMap(TABLE), JSON.stringify({ ...TABLE, revision, primary: 'v2' }));

  test.each<[string, StoredObject | undefined, TrafficTable | undefined, number]>([
    ['the ConfigMap is gone: as it was written last', undefined, TABLE, 7],
    ['somebody wrote an older one: as it was, pods took no notice', at(6), TABLE, 7],
    ['somebody wrote one of the same revision: a newer one, for pods may have it', at(7), TABLE, 8],
    ['somebody wrote a newer one: a newer one still', at(40), TABLE, 41],
    ['somebody wrote what is no table: as it was', edited(configMap(TABLE), '{"revision": 40}'), TABLE, 7],
  ])('%s', (_, object, last, revision) => {
    expect(lostTable(object, last, told({ v1: 100 }), NOW)).toEqual({ ...last, revision });
  });

  test('of another process is what the status tells, newer than any that was counted', () => {
    const back = lostTable(undefined, undefined, told({ v1: 10, v2: 90, v3: 0 }), NOW);
    expect(trafficTable.parse(back)).toMatchObject({
      model: 'digits',
      revision: 1_767_225_600,
      primary: 'v2',
      versions: [
        { name: 'v1', share: 1_000 },
        { name: 'v2', share: 9_000 },
        { name: 'v3', share: 0 },
      ],
    });
    expect(lostTable(at(2_000_000_000), undefined, told({ v1: 100 }), NOW)?.revision).toBe(2_000_000_001);
  });

  test('is none where the status does not tell the whole', () => {
    expect(lostTable(undefined, undefined, md, NOW)).toBeUndefined();
    expect(lostTable(undefined, undefined, told({ v1: 50, v2: 40 }), NOW)).toBeUndefined();
    expect(lostTable(at(7), undefined, told({}), NOW)).toBeUndefined();
  });
});

test('the notes do not depend on the order in which versions lost traffic, and are none when none did', () => {
  const rendered = tableConfigMap(SUBJECT, TABLE, []);
  expect(withTableNotes(rendered, ['v2', 'v1'])).toEqual(withTableNotes(rendered, ['v1', 'v2']));
  expect(Object.keys(withTableNotes(rendered, []).metadata.annotations ?? {})).toEqual(['modelship.dev/table-hash']);
});
