import { describe, expect, it } from 'vitest';
import { eventLines } from '../../../cli/cluster/event-lines.ts';
import { matcher, readEvents } from '../../../cli/cluster/events.ts';
import type { EventObject } from '../../../cli/cluster/objects.ts';
import { colorPaint, plainPaint, visibleWidth } from '../../../cli/output.ts';
import { KubeError } from '../../../operator/kube/error.ts';
import { versionName } from '../../../operator/render/names.ts';
import { CREATED, HEALTHY, md, NAMESPACE, NOW, reader, stored } from './support.ts';

const V2 = versionName('digits', 'v2');

function event(kind: string, name: string, fields: Partial<EventObject> = {}): EventObject {
  const involvedObject = { kind, name, namespace: NAMESPACE };
  const own = { type: 'Normal', reason: 'Seen', message: `about ${name}`, involvedObject, lastTimestamp: CREATED };
  return stored(
    'Event',
    `${name}.${Math.floor(Date.parse(CREATED) / 1000)}.${fields.reason ?? ''}`,
    {},
    {
      ...own,
      ...fields,
    },
  ) as EventObject;
}

describe('which ModelDeployment an event is about', () => {
  const digits = md({ status: { ...HEALTHY, versions: [{ name: 'v0', phase: 'Retiring' }] } });
  const long = md({
    name: `m${'x'.repeat(39)}`,
    spec: { versions: [{ name: 'v1234567890', model: { uri: 's3://x' } }] },
  });
  const longName = versionName(long.metadata.name, 'v1234567890');
  const modelOf = matcher([digits, long], [{ namespace: NAMESPACE, model: 'digits', versions: ['v-1'] }]);

  it.each<[string, string, string, string | undefined]>([
    ['itself', 'ModelDeployment', 'digits', 'digits'],
    ['the Deployment of a version', 'Deployment', V2, 'digits'],
    ['its ReplicaSet', 'ReplicaSet', `${V2}-5d9c7b8f6d`, 'digits'],
    ['a pod, which may be gone', 'Pod', `${V2}-5d9c7b8f6d-x7x2p`, 'digits'],
    ['the autoscaler', 'HorizontalPodAutoscaler', V2, 'digits'],
    ['a version that is leaving', 'Deployment', versionName('digits', 'v0'), 'digits'],
    ['a version that only the history knows', 'Pod', `${versionName('digits', 'v-1')}-a-b`, 'digits'],
    ['the public Service', 'Service', 'digits', 'digits'],
    ['the traffic table', 'ConfigMap', 'digits-traffic', 'digits'],
    ['a pod whose long name was cut', 'Pod', `${`${longName}-5d9c7b8f6d-`.slice(0, 58)}x7x2p`, long.metadata.name],
    ['a Deployment that only bears its name', 'Deployment', 'digits', undefined],
    ['a pod of another', 'Pod', 'digits-web-5d9c7b8f6d-x7x2p', undefined],
    ['a version of another whose name starts alike', 'Pod', `${versionName('digits-v2', 'v2')}-a-b`, undefined],
  ])('%s', (_, kind, name, model) => {
    expect(modelOf(event(kind, name))).toBe(model);
  });

  it('not one in another namespace, nor the one of the same name before it', () => {
    const elsewhere = { kind: 'Deployment', name: V2, namespace: 'other' };
    const before = { kind: 'ModelDeployment', name: 'digits', namespace: NAMESPACE, uid: 'before' };
    expect(modelOf(event('', '', { involvedObject: elsewhere }))).toBeUndefined();
    expect(modelOf(event('', '', { involvedObject: before }))).toBeUndefined();
  });
});

const LATE = '2026-11-21T05:03:00Z';
const WARNED = event('Pod', `${V2}-5d9c-a`, {
  type: 'Warning',
  reason: 'BackOff',
  message: 'Back-off restarting failed container\nruntime',
  series: { count: 7, lastObservedTime: LATE },
  lastTimestamp: null,
});
const NEWER = event('ModelDeployment', 'digits', {
  reason: 'Moved',
  eventTime: '2026-11-21T05:02:00.123456Z',
  lastTimestamp: null,
});
const OLDER = event('Deployment', V2, { reason: 'Scaled', count: 2 });
const ALL = [WARNED, NEWER, OLDER, event('Pod', 'someone-else')];

describe('events', () => {
  const query = { namespace: NAMESPACE };

  it('come in the order of time, whoever they are about', async () => {
    const rows = await readEvents(reader(ALL), [md()], query);
    expect(rows.map(({ reason, count, kind, model }) => [reason, count, kind, model])).toEqual([
      ['Scaled', 2, 'Deployment', 'digits'],
      ['Moved', 1, 'ModelDeployment', 'digits'],
      ['BackOff', 7, 'Pod', 'digits'],
    ]);
  });

  it('can be only the warnings, or only the newest', async () => {
    const warnings = await readEvents(reader(ALL), [md()], { ...query, warningsOnly: true });
    expect(warnings.map(({ reason }) => reason)).toEqual(['BackOff']);
    const newest = await readEvents(reader(ALL), [md()], { ...query, most: 2 });
    expect(newest.map(({ reason }) => reason)).toEqual(['Moved', 'BackOff']);
  });

  it('do without the history where that may not be read', async () => {
    const fail = { controllerrevisions: new KubeError('Forbidden', 'no') };
    expect(await readEvents(reader(ALL, fail), [md()], query)).toHaveLength(3);
  });

  it('have whole messages, beside the columns where there is room', async () => {
    const rows = await readEvents(reader(ALL), [md()], query);
    expect(eventLines(rows, { width: 130, paint: plainPaint, now: NOW })).toEqual([
      'LAST  COUNT  TYPE     REASON   OBJECT                         MESSAGE',
      `5m        2  Normal   Scaled   Deployment/${V2}  about ${V2}`,
      '2m        1  Normal   Moved    ModelDeployment/digits         about digits',
      `2m        7  Warning  BackOff  Pod/${V2}-5d9c-a  Back-off restarting failed container runtime`,
    ]);
    const narrow = eventLines(rows, { width: 70, paint: colorPaint, now: NOW });
    expect(Math.max(...narrow.map(visibleWidth))).toBeLessThanOrEqual(70);
    expect(narrow).toContain('    Back-off restarting failed container runtime');
    expect(narrow.join('\n')).toContain(colorPaint('yellow', 'Warning'));
  });
});
