/** Only the command lines: no image can be counted on here. */
import { describe, expect, it } from 'vitest';
import { versionOf } from './build.ts';
import { k3sCommand, kwokCommand } from './k3s.ts';

describe('K3s in place of a control plane that is built', () => {
  it('is of the same version, published on the loopback, and makes no node of its own', async () => {
    const command = k3sCommand('k3s-1', await versionOf('kube-apiserver'));
    const image = command.indexOf('rancher/k3s:v1.34.4-k3s1');
    expect(command.slice(0, image)).toEqual([
      ...['create', '--name', 'k3s-1', '--privileged', '--tmpfs', '/run', '--tmpfs', '/var/run'],
      ...['--publish', '127.0.0.1::6443'],
    ]);
    expect(command.slice(image + 1, image + 3)).toEqual(['server', '--disable-agent']);
    expect(command).toContain('--kube-apiserver-arg=token-auth-file=/modelship-tokens.csv');
  });

  it('hands flags on to the part that they are for, after its own', () => {
    const flags = { 'kube-apiserver': ['--v=4'], 'kube-controller-manager': ['--kube-api-qps=500'], etcd: ['--x'] };
    expect(k3sCommand('k3s-1', 'v1.34.4', flags).slice(-2)).toEqual([
      '--kube-apiserver-arg=v=4',
      '--kube-controller-manager-arg=kube-api-qps=500',
    ]);
  });

  it('has its nodes from a kwok in the same network', async () => {
    const command = kwokCommand('kwok-1', 'k3s-1', await versionOf('kwok'), { kwok: ['--v=4'] });
    expect(command.slice(0, 8)).toEqual([
      ...['create', '--name', 'kwok-1', '--user', '0', '--network', 'container:k3s-1'],
      'registry.k8s.io/kwok/kwok:v0.7.0',
    ]);
    expect(command).toContain('--kubeconfig=/modelship-kubeconfig');
    expect(command).toContain('--manage-all-nodes=true');
    expect(command.at(-1)).toBe('--v=4');
  });
});
