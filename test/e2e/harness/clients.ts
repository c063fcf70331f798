/** Clients that we did not write, each asking for the labels of the same scans. */
import { join } from 'node:path';
import { clientsPython } from '../../clients/venv.ts';
import { must } from '../../control-plane/tools.ts';
import { testSet } from '../../laptop/load.ts';
import type { Digits } from './digits.ts';
import { inside } from './inside.ts';

/** One scan's label, and the version that gave it. */
export interface Answer {
  scan: number;
  label: number;
  version: string;
}

const SCANS = 20;
const scans = testSet.inputs.slice(0, SCANS);
const bodyOf = (data: readonly number[]) => ({
  inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64], data }],
});
/** A proxy of the machine must not see what goes to the cluster. */
const env = { ...process.env, no_proxy: '*', NO_PROXY: '*' };

/** An application in the cluster, by the Service's name in DNS. */
export async function fetchInside(digits: Digits): Promise<Answer[]> {
  const url = `http://digits.${digits.namespace}.svc.cluster.local:8080/v2/models/digits/infer`;
  const script = `const answers = [];
for (const body of ${JSON.stringify(scans.map(bodyOf))}) {
  const response = await fetch('${url}', {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(response.status + ' ' + await response.text());
  answers.push(await response.json());
}
console.log(JSON.stringify(answers));`;
  return (JSON.parse(await inside(digits, script)) as Predicted[]).map(answerOf);
}

/** tritonclient, on one connection. */
export async function tritonclient(digits: Digits, protocol: 'http' | 'grpc'): Promise<Answer[]> {
  const { host } = new URL(await digits.url(protocol === 'http' ? 8080 : 8081));
  const script = join(import.meta.dirname, 'triton.py');
  const file = join(import.meta.dirname, '../../../examples/digits/test-set.json');
  return JSON.parse(await must(await clientsPython(), [script, protocol, host, file, String(SCANS)], { env }));
}

export async function curl(digits: Digits): Promise<Answer[]> {
  const url = `${await digits.url()}/v2/models/digits/infer`;
  const one = (data: number[]): Promise<string> =>
    must('curl', ['--silent', '--show-error', '--fail', '--data', JSON.stringify(bodyOf(data)), url], { env });
  return Promise.all(scans.map(async (data, scan) => answerOf(JSON.parse(await one(data)), scan)));
}

/** Answers that are not what scikit-learn says for the version that gave them. */
export const wrongAnswers = (answers: readonly Answer[]): Answer[] =>
  answers.filter(({ scan, label, version }) => label !== testSet.predictions[version]?.[scan]);

interface Predicted {
  model_version: string;
  outputs: { name: string; data: number[] }[];
}

function answerOf({ model_version: version, outputs }: Predicted, scan: number): Answer {
  const label = outputs.find(({ name }) => name === 'label')?.data[0];
  if (label === undefined) throw new Error(`no label in ${JSON.stringify(outputs)}`);
  return { scan, label: Number(label), version };
}
