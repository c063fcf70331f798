/** The certificate by which an API server proves to an aggregated one, such as metrics-server, who asks. */
import { join } from 'node:path';
import { must } from '../../control-plane/tools.ts';

/** @param folder gets the files @returns flags of kube-apiserver */
export async function frontProxyFlags(folder: string): Promise<string[]> {
  const file = (name: string): string => join(folder, `front-proxy-${name}`);
  const request = ['req', '-newkey', 'rsa:2048', '-nodes'];
  const authority = [
    '-x509',
    '-days',
    '30',
    '-subj',
    '/CN=front-proxy-ca',
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.crt'),
  ];
  await must('openssl', [...request, ...authority]);
  const client = ['-subj', '/CN=front-proxy', '-keyout', file('client.key'), '-out', file('client.csr')];
  await must('openssl', [...request, ...client]);
  const signed = ['x509', '-req', '-days', '30', '-in', file('client.csr'), '-out', file('client.crt')];
  await must('openssl', [...signed, '-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-CAcreateserial']);
  return [
    `--requestheader-client-ca-file=${file('ca.crt')}`,
    '--requestheader-allowed-names=front-proxy',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-username-headers=X-Remote-User',
    `--proxy-client-cert-file=${file('client.crt')}`,
    `--proxy-client-key-file=${file('client.key')}`,
    // What is aggregated here runs beside the API server, not in a pod.
    '--enable-aggregator-routing=true',
  ];
}
