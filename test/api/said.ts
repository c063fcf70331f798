/** What the parser says of a file, for tests. */
import { formatProblems, parseModelDeployments } from '../../api/parse.ts';

export const HEAD = `apiVersion: modelship.dev/v1alpha1
kind: ModelDeployment
metadata: {name: digits}
spec:
`;
export const V1 = '  versions: [{name: v1, model: {uri: v1.onnx}}]\n';

/** What is said of a file `f.yaml`, a line a problem. */
export const said = (text: string): string[] => {
  const { problems } = parseModelDeployments(text, 'f.yaml');
  return problems.length === 0 ? [] : formatProblems(problems).split('\n');
};

/** What is said of a spec, as lines below the four of `HEAD`. */
export const saidOf = (spec: string): string[] => said(HEAD + spec);
