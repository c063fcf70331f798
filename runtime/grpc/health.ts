/** `grpc.health.v1.Health`: follows the readiness of the own version. */
import { RequestError } from '../errors.ts';
import { quoted } from '../protocol/signature.ts';
import type { GrpcCall } from './call.ts';
import { encode, HEALTH, HEALTH_LIST, readTexts } from './messages.ts';
import { unary } from './methods.ts';
import { SERVICE } from './questions.ts';
import type { GrpcContext, Method, Methods } from './services.ts';

/** The empty name stands for the server as a whole. */
const SERVICES = ['', SERVICE];
const LOOK_EVERY_MS = 250;

type Status = 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';

export function healthMethods({ own, clock }: Pick<GrpcContext, 'own' | 'clock'>): Methods {
  const statusOf = (service: string): Status => {
    if (!SERVICES.includes(service)) return 'SERVICE_UNKNOWN';
    return own.ready ? 'SERVING' : 'NOT_SERVING';
  };
  return {
    '/grpc.health.v1.Health/Check': unary((message) => {
      const { service } = readTexts(message, { service: 1 });
      const status = statusOf(service);
      if (status !== 'SERVICE_UNKNOWN') return encode(HEALTH, { status });
      throw new RequestError('MODEL_NOT_FOUND', `there is no service ${quoted(service)} here; there is '${SERVICE}'`);
    }),
    '/grpc.health.v1.Health/List': unary(() =>
      encode(HEALTH_LIST, { statuses: SERVICES.map((key) => ({ key, value: { status: statusOf(key) } })) }),
    ),
    '/grpc.health.v1.Health/Watch': watch(statusOf, (look) => clock.after(LOOK_EVERY_MS, look)),
  };
}

interface Watcher {
  call: GrpcCall;
  service: string;
  said: Status | undefined;
}

/** One look at readiness serves all watchers, and there is none while nobody watches. */
function watch(statusOf: (service: string) => Status, later: (look: () => void) => void): Method {
  const watchers = new Set<Watcher>();
  const tell = (watcher: Watcher) => {
    const status = statusOf(watcher.service);
    if (status === watcher.said) return;
    watcher.said = status;
    void watcher.call.send(encode(HEALTH, { status }));
  };
  const look = () => {
    for (const watcher of watchers) tell(watcher);
    if (watchers.size > 0) later(look);
  };
  return (call) =>
    call.receiveOne((message) => {
      const watcher: Watcher = { call, service: readTexts(message, { service: 1 }).service, said: undefined };
      if (watchers.size === 0) later(look);
      watchers.add(watcher);
      call.onGone(() => watchers.delete(watcher));
      call.begin();
      tell(watcher);
      call.onDrain = () => {
        watchers.delete(watcher);
        tell(watcher);
        call.fail(new RequestError('NOT_READY', 'this process is shutting down'));
      };
    });
}
