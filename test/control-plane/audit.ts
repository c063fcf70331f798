import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What Kubernetes asks of itself is not told: it would be most of the log, and a part of what is measured. */
const POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - {level: None, userGroups: ['system:serviceaccounts:kube-system']}
  - {level: None, users: ['system:apiserver', 'system:kube-controller-manager', 'system:kube-scheduler', kwok]}
  - {level: Metadata}
`;

export const auditLogPath = (folder: string): string => join(folder, 'audit.log');

/**
 * Makes kube-apiserver write a line of JSON (an `Event` of audit.k8s.io) for each request before its answer goes out, those of
 * Kubernetes' own components apart: who, with which client, what, on which object, with which status. A watch has a line when
 * it starts and one when it ends.
 * @returns flags for kube-apiserver
 */
export async function auditFlags(folder: string): Promise<string[]> {
  const policy = join(folder, 'audit-policy.yaml');
  await writeFile(policy, POLICY);
  return [
    `--audit-policy-file=${policy}`,
    `--audit-log-path=${auditLogPath(folder)}`,
    '--audit-log-mode=blocking',
    '--audit-log-maxsize=4096', // MB; at this size another file would be begun
  ];
}
