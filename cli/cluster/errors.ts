/** What an API server refused → a line that says what to do, and an exit code. Pure. */
import type { KubeError } from '../../operator/kube/error.ts';
import { CliError, EXIT } from '../exit-codes.ts';

/** @param server URL of the API server */
export function clusterError({ code, message }: KubeError, server: string): CliError {
  return new CliError(wordsOf(code, message, server), EXIT.failed, code);
}

function wordsOf(code: KubeError['code'], message: string, server: string): string {
  switch (code) {
    case 'Unavailable':
    case 'Timeout':
      return `cannot reach the cluster at ${server}: ${message}. Is it running, and is it the one you mean? --context or KUBECONFIG names another`;
    case 'Unauthorized':
      return `the cluster at ${server} does not know who you are: ${message}. Log in again, or name another user with --context`;
    case 'Forbidden':
      return `the cluster does not let you: ${message}. Ask for a Role that may get and list this in the namespace`;
    case 'TooManyRequests':
      return `the cluster at ${server} is too busy: ${message}. Try again in a while`;
    case 'Expired':
      return `the list changed faster than it could be read: ${message}. Try again, or name a namespace`;
    default:
      return message;
  }
}
