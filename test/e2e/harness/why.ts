/** What a person would look at next when something does not come. */
import type { Kubectl } from './kubectl.ts';

const EVENTS = 20;

/** Pods and the last events of the namespace. */
export async function why(run: Kubectl): Promise<string> {
  const pods = await run('get', 'pods', '--output', 'wide').catch(String);
  const events = await run('get', 'events', '--sort-by=.metadata.creationTimestamp', '--no-headers').catch(String);
  return `pods:\n${pods}\nevents:\n${events.trimEnd().split('\n').slice(-EVENTS).join('\n')}`;
}
