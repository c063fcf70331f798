import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
`;

export const auditLogPath = (folder: string): string => join(folder, 'audit.log');

/**
 * Makes kube-apiserver write a line of JSON (an `Event` of audit.k8s.io) for each request before its answer goes out:
 * who, with which client, what, on which object, with which status. A watch has a line when it starts and one when it ends.
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
