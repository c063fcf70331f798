/** What the Events of a ModelDeployment speak of. */
import { API_VERSION, KIND } from '../../api/model-deployment.ts';
import type { EventSubject } from '../kube/events.ts';
import type { StoredModelDeployment } from './stored.ts';

export function subjectOf({ metadata }: StoredModelDeployment): EventSubject {
  const { name, namespace, uid, resourceVersion } = metadata;
  return { apiVersion: API_VERSION, kind: KIND, name, namespace: namespace ?? '', uid, resourceVersion };
}
