/** One ModelDeployment, version by version. */
import { resources } from './modeldeployment-resources.ts';
import { rollout } from './modeldeployment-rollout.ts';
import { execution, requests } from './modeldeployment-serving.ts';
import type { Dashboard } from './panel.ts';
import { OF_MODEL, POD } from './words.ts';

export const modelDeployment: Dashboard = {
  uid: 'modelship-modeldeployment',
  title: 'Modelship / ModelDeployment',
  description: 'One ModelDeployment: its rollout, what its users see, and what it costs, version by version.',
  variables: [
    {
      name: 'namespace',
      label: 'Namespace',
      query: 'label_values(modelship_modeldeployment_condition, namespace)',
    },
    {
      name: 'modeldeployment',
      label: 'ModelDeployment',
      query: 'label_values(modelship_modeldeployment_condition{namespace="$namespace"}, name)',
    },
    {
      name: 'version',
      label: 'Version',
      query: 'label_values(modelship_version_traffic_percent{namespace="$namespace",name="$modeldeployment"}, version)',
      multi: true,
    },
  ],
  annotations: [
    {
      name: 'Rollout',
      expr: `(max by (phase) (modelship_rollout_phase${OF_MODEL} == 1)) unless (max by (phase) (modelship_rollout_phase${OF_MODEL} offset 1m == 1))`,
      title: 'Rollout: {{phase}}',
      text: 'The rollout came into this phase.',
      colour: 'purple',
    },
    {
      name: 'Step',
      expr: `max(modelship_rollout_step${OF_MODEL}) != max(modelship_rollout_step${OF_MODEL} offset 1m)`,
      title: 'Rollout: another step',
      text: 'The rollout moved to another step.',
      colour: 'blue',
    },
    {
      name: 'New replica',
      expr: `sum by (pod, modelship_dev_version) (modelship_info${POD} unless on (pod) modelship_info${POD} offset 1m)`,
      title: 'New replica of {{modelship_dev_version}}',
      text: '{{pod}}',
      colour: 'green',
    },
  ],
  rows: [rollout, requests, execution, ...resources],
};
