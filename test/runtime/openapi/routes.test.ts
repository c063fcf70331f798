import { pino } from 'pino';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { realClock } from '../../../runtime/clock.ts';
import { Inference } from '../../../runtime/inference.ts';
import { chaptersOf } from '../../../runtime/openapi/catalogue.ts';
import { routeOf } from '../../../runtime/openapi/operation.ts';
import { OwnVersion } from '../../../runtime/own-version.ts';
import { createApp } from '../../../runtime/routes/app.ts';
import { registerProtocols } from '../../../runtime/routes/protocols.ts';
import { Statistics } from '../../../runtime/statistics.ts';
import { servingWith } from '../harness.ts';

type Kind = 'entry' | 'direct';

/** `GET /path` for each route of a door that answers rather than refuses the method. */
async function registered(protocols: string[], kind: Kind, model = 'm'): Promise<string[]> {
  const unforeseen = (error: unknown) => {
    throw error;
  };
  const clock = realClock;
  const app = createApp({ name: kind, version: 'v1', bodyBytes: 1_024, logger: pino({ level: 'silent' }), unforeseen });
  onTestFinished(() => app.fastify.close());
  const observer = { ran: () => {}, failed: () => {}, unforeseen };
  const own = new OwnVersion({ model, version: 'v1', clock, observer, coded: unforeseen });
  const serving = servingWith({ protocols });
  const split = { versions: () => ['v1'], table: () => undefined, handle: unforeseen };
  const recorder = { answered: () => {}, refused: () => {} };
  const { limits } = serving;
  const inference = new Inference({ own, split, kind, limits, clock, recorder, unforeseen });
  const statistics = new Statistics({ model, version: 'v1', cached: false, wallClock: () => 0 });
  const found: string[] = [];
  app.fastify.addHook('onRoute', ({ method, url, exposeHeadRoute }) => {
    // Between processes only: what a pod forwards of gRPC.
    if (kind === 'direct' && url.startsWith('/inference.GRPCInferenceService/')) return;
    // For copies of a mirror only, where users speak other protocols.
    const takesOip = protocols.some((name) => name === 'rest' || name === 'graphql');
    if (kind === 'direct' && !takesOip && url === '/v2/models/:model/infer') return;
    // Those that refuse a method are the only ones that say so.
    if (exposeHeadRoute === false) return;
    for (const each of [method].flat()) if (each !== 'HEAD') found.push(`${each} ${url}`);
  });
  await registerProtocols(app, { own, inference, split, statistics, serving, runtimeVersion: 'test', unforeseen });
  await app.fastify.ready();
  return [...new Set(found)].sort();
}

function documented(protocols: string[], kind: Kind, model = 'm'): string[] {
  const operations = chaptersOf({ model, kind, protocols }, process.env).flatMap((chapter) => chapter.operations);
  return [...new Set(operations.map((each) => `${each.method.toUpperCase()} ${routeOf(each)}`))].sort();
}

const ALL = ['rest', 'tensorflow', 'sagemaker', 'vertex', 'graphql'];

describe('every route is documented, and nothing else', () => {
  const sets = [ALL, ...ALL.map((name) => [name]), ['grpc'], ['sagemaker', 'vertex'], ['rest', 'graphql']];
  const cases = sets.flatMap((protocols) => (['entry', 'direct'] as const).map((kind) => [protocols, kind] as const));
  test.each(cases)('%j, %s door', async (protocols, kind) => {
    expect(documented([...protocols], kind)).toEqual(await registered([...protocols], kind));
  });

  test('a model named stats', async () => {
    expect(documented(['rest'], 'entry', 'stats')).toEqual(await registered(['rest'], 'entry', 'stats'));
  });

  test.each([
    [['vertex'], '/health', '/predict'],
    [['vertex'], '/ai', '/ai'],
    [['sagemaker', 'vertex'], '/ping', '/invocations'],
    [['rest', 'vertex'], '/v2/health/ready', '/v1/a:predict'],
  ])('%j with routes that the environment names: %s, %s', async (protocols, health, predict) => {
    vi.stubEnv('AIP_HEALTH_ROUTE', health);
    vi.stubEnv('AIP_PREDICT_ROUTE', predict);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(documented(protocols, 'entry')).toEqual(await registered(protocols, 'entry'));
  });
});
