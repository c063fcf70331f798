/** What a person would look at next when something does not come. */
import type { Kubectl } from './kubectl.ts';

const EVENTS = 20;

/** Models, pods and the last events of the namespace. */
export async function why(run: Kubectl): Promise<string> {
  const kinds = 'modeldeployments,horizontalpodautoscalers,pods';
  const objects = await run('get', kinds, '--output', 'wide').catch(String);
  const events = await run('get', 'events', '--sort-by=.metadata.creationTimestamp', '--no-headers').catch(String);
  return `objects:\n${objects}\nevents:\n${events.trimEnd().split('\n').slice(-EVENTS).join('\n')}`;
}
