/** A cluster that knows no ModelDeployments. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApiServer, startApiServer } from '../../control-plane/start.ts';
import { modelship } from './world.ts';

let server: ApiServer;

beforeAll(async () => {
  server = await startApiServer();
});

afterAll(() => server?.stop());

it.each([['get'], ['get -A'], ['get digits'], ['describe digits'], ['history digits'], ['events']])(
  '%s says what is missing in the cluster',
  async (line) => {
    const { code, out, err } = await modelship(line.split(' '), server.kubeconfigPath);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe(
      "error: this cluster doesn't know ModelDeployments: install the chart of Modelship, or run `kubectl apply -f crds/`\n",
    );
  },
);
