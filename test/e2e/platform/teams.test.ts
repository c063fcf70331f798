/** Two teams in two namespaces: each has its own models, and Kubernetes' own roles say who may do what. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type Account, addAccount, refused } from '../harness/accounts.ts';
import { Crowd } from '../harness/crowd.ts';
import { Digits, manifest } from '../harness/digits.ts';

let red: Digits;
let blue: Digits;
let redEditor: Account;
let blueEditor: Account;
let redViewer: Account;
let stranger: Account;

beforeAll(async () => {
  [red, blue] = await Promise.all([Digits.open('red'), Digits.open('blue')]);
  redEditor = await addAccount(red.namespace, 'ci', 'edit');
  blueEditor = await addAccount(blue.namespace, 'ci', 'edit');
  redViewer = await addAccount(red.namespace, 'auditor', 'view');
  stranger = await addAccount(blue.namespace, 'stranger');
  return async () => {
    await red[Symbol.asyncDispose]();
    await blue[Symbol.asyncDispose]();
  };
});

const forbidden = (user: Account, verb: string, place: string) =>
  `User "${user.name}" cannot ${verb} resource "modeldeployments" in API group "modelship.dev" in the namespace "${place}"`;

describe('two teams', () => {
  it('each make and change models of their own, which one operator serves', async () => {
    for (const [user, digits] of [
      [redEditor, red],
      [blueEditor, blue],
    ] as const) {
      await user.kubectl().apply(await manifest({ v1: 100 }, { serving: { replicas: 1 } }));
      await digits.ready();
      await user.kubectl().apply(await manifest({ v1: 50, v2: 50 }, { serving: { replicas: 1 } }));
      await digits.serves('v1:50 v2:50');
      const users = await Crowd.of(digits, { callers: 2, total: 200 });
      await users.finished();
      expect(users.failures).toEqual([]);
    }
  });

  it('see status, pods and events of their own, also by the command line', async () => {
    const said = await redEditor.modelship('get');
    expect(said).toMatch(/digits .*v1:50 v2:50/);
    expect(await redEditor.modelship('describe', 'digits')).toMatch(/digits-v2-[0-9a-f]{8}-\S+/);
    expect(await redEditor.modelship('events', 'digits')).toContain('TrafficMoved');
    expect(await redEditor.modelship('history', 'digits')).toContain('v2:50');
    expect(await redEditor.kubectl()('describe', 'modeldeployment', 'digits')).toContain('TrafficMoved');
  });

  it("are refused what is the other team's", async () => {
    const there = redEditor.kubectl(blue.namespace);
    expect(await refused(there('get', 'modeldeployments'))).toContain(forbidden(redEditor, 'list', blue.namespace));
    expect(await refused(there.apply(await manifest({ v1: 100 })))).toContain(
      forbidden(redEditor, 'patch', blue.namespace),
    );
    expect(await refused(there('delete', 'modeldeployment', 'digits'))).toContain(
      forbidden(redEditor, 'delete', blue.namespace),
    );
    expect(await refused(redEditor.modelship('get', '--namespace', blue.namespace))).toContain(
      forbidden(redEditor, 'list', blue.namespace),
    );
    expect(await refused(redEditor.kubectl()('get', 'modeldeployments', '--all-namespaces'))).toContain(
      'at the cluster scope',
    );
    expect((await blue.status()).traffic).toBe('v1:50 v2:50');
  });
});

it('a viewer reads and changes nothing', async () => {
  const run = redViewer.kubectl();
  expect(await run('get', 'modeldeployment', 'digits')).toContain('v1:50 v2:50');
  expect(await redViewer.modelship('get')).toContain('v1:50 v2:50');
  expect(await redViewer.modelship('describe', 'digits')).toMatch(/digits-v2-[0-9a-f]{8}-\S+/);
  expect(await refused(run.apply(await manifest({ v1: 100 })))).toContain(forbidden(redViewer, 'patch', red.namespace));
  expect(await refused(run('annotate', 'modeldeployment', 'digits', 'a=b'))).toContain(
    forbidden(redViewer, 'patch', red.namespace),
  );
});

it("not even an editor writes a status: that is the operator's word", async () => {
  const patch = [
    'patch',
    'modeldeployment',
    'digits',
    '--subresource=status',
    '--type=merge',
    '-p',
    '{"status":{"traffic":"v9:100"}}',
  ];
  expect(await refused(redEditor.kubectl()(...patch))).toContain('cannot patch resource "modeldeployments/status"');
});

it('who has no role sees nothing', async () => {
  for (const place of [red.namespace, blue.namespace]) {
    expect(await refused(stranger.kubectl(place)('get', 'modeldeployments'))).toContain(
      forbidden(stranger, 'list', place),
    );
    expect(await refused(stranger.modelship('get', '--namespace', place))).toContain(
      forbidden(stranger, 'list', place),
    );
  }
});
