import { describe, expect, it } from 'vitest';
import { describeRequest } from '../../faults/request.ts';

const APPLY = 'application/apply-patch+yaml';

describe('what a request is about', () => {
  it.each([
    ['a list', 'GET', '/api/v1/namespaces/a/pods?limit=5', '', 'list pods a - read'],
    ['a list over all namespaces', 'GET', '/apis/apps/v1/deployments', '', 'list deployments - - read'],
    ['a watch', 'GET', '/api/v1/nodes?watch=true', '', 'watch nodes - - read'],
    ['an object', 'GET', '/apis/apps/v1/namespaces/a/deployments/d', '', 'get deployments a d read'],
    ['a namespace itself', 'GET', '/api/v1/namespaces/a', '', 'get namespaces - a read'],
    ['an apply', 'PATCH', '/api/v1/namespaces/a/services/s?fieldManager=m', APPLY, 'apply services a s write'],
    [
      'a status',
      'PATCH',
      '/apis/modelship.dev/v1alpha1/namespaces/a/modeldeployments/m/status',
      APPLY,
      'apply modeldeployments/status a m write',
    ],
    ['a patch', 'PATCH', '/api/v1/namespaces/a/pods/p', 'application/merge-patch+json', 'patch pods a p write'],
    ['a creation', 'POST', '/api/v1/namespaces/a/events', '', 'create events a - write'],
    ['a deletion', 'DELETE', '/api/v1/namespaces/a/services/s', '', 'delete services a s write'],
    ['a dry run', 'PATCH', '/api/v1/namespaces/a/services/s?dryRun=All', APPLY, 'apply services a s read'],
    ['discovery', 'GET', '/apis/resource.k8s.io/v1', '', 'discover  - - read'],
  ])('%s', (_what, method, url, contentType, expected) => {
    const { verb, resource, namespace, name, write } = describeRequest(1, method, url, contentType);
    expect(`${verb} ${resource} ${namespace ?? '-'} ${name ?? '-'} ${write ? 'write' : 'read'}`).toBe(expected);
  });
});
