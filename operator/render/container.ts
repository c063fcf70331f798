/** The container that serves a version: the runtime image, told by its arguments what to serve. */
import { goldenTolerance, runtimeServingOf } from '../../api/effective.ts';
import { launchArgs } from '../../api/launch.ts';
import { TRAFFIC_TABLE_FILE } from '../../api/traffic-table.ts';
import { CLAIM } from './claim-template.ts';
import { gpuNeeds, seesNvidia } from './gpu.ts';
import { DRAIN_SECONDS, type PlannedVersion, type RenderOptions, STARTUP_SECONDS, type Subject } from './input.ts';
import { type ModelLocation, mountsOf } from './model-uri.ts';
import { ADMIN, containerPorts, DIRECT_GRPC, DIRECT_HTTP, ENTRY_GRPC, ENTRY_HTTP, speaksGrpc } from './ports.ts';
import { canonicalQuantity } from './quantity.ts';
import { tracingEnvironment } from './tracing.ts';

export const CONTAINER = 'runtime';
export const TABLE_VOLUME = 'modelship-traffic';
export const SCRATCH_VOLUME = 'modelship-tmp';
const TABLE_FOLDER = '/etc/modelship/traffic';
const SCRATCH_FOLDER = '/tmp';
const TERMINATION_LOG = '/dev/termination-log';

export function runtimeContainer(
  subject: Subject,
  version: PlannedVersion,
  location: ModelLocation,
  options: RenderOptions,
): object {
  return {
    name: CONTAINER,
    image: options.runtimeImage,
    imagePullPolicy: options.imagePullPolicy,
    args: runtimeArgs(subject, version, location, options),
    env: environment(subject, version, options),
    ports: containerPorts(speaksGrpc(version.serving)),
    resources: resources(version),
    ...probes(options),
    terminationMessagePath: TERMINATION_LOG,
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    },
    volumeMounts: volumeMounts(version, location),
  };
}

function runtimeArgs(
  { model }: Subject,
  version: PlannedVersion,
  { uri, golden }: ModelLocation,
  options: RenderOptions,
): string[] {
  const args = launchArgs({
    model,
    version: version.name,
    uri,
    sha256: version.model.sha256,
    serving: runtimeServingOf(version.serving),
    ...(golden && { golden: { uri: golden.uri, tolerance: goldenTolerance(version) } }),
    table: `${TABLE_FOLDER}/${TRAFFIC_TABLE_FILE}`,
    entry: `0.0.0.0:${ENTRY_HTTP.port}`,
    direct: `0.0.0.0:${DIRECT_HTTP.port}`,
    admin: `0.0.0.0:${ADMIN.port}`,
    ...(speaksGrpc(version.serving) && {
      entryGrpc: `0.0.0.0:${ENTRY_GRPC.port}`,
      directGrpc: `0.0.0.0:${DIRECT_GRPC.port}`,
    }),
    // An emptyDir: it outlives the container, not the pod.
    ...(version.serving.session?.keepOptimized && { cacheDir: `${SCRATCH_FOLDER}/modelship` }),
    terminationLog: TERMINATION_LOG,
    drainDelayMs: (options.drainSeconds ?? DRAIN_SECONDS) * 1_000,
    logLevel: options.logLevel ?? 'info',
  });
  // The kubelet reads $(NAME) as a variable and $$ as $; in a URI both are just characters.
  return args.map((arg) => arg.replaceAll('$', '$$$$'));
}

/** Ours first, so that the user's may refer to it; one of the same name is the user's. */
function environment(subject: Subject, version: PlannedVersion, options: RenderOptions): object[] | undefined {
  const { serving } = version;
  const stated = serving.pod?.env ?? [];
  const ours = [
    ...(seesNvidia(serving) ? [] : [{ name: 'NVIDIA_VISIBLE_DEVICES', value: 'void' }]),
    ...(options.tracing ? tracingEnvironment(subject, version.name, options.tracing) : []),
  ];
  const all = [...ours.filter(({ name }) => stated.every((other) => other.name !== name)), ...stated];
  return all.length === 0 ? undefined : all;
}

function resources({ serving }: PlannedVersion): object | undefined {
  const gpu = serving.gpu ? gpuNeeds(serving.gpu).resources : {};
  const requests = { ...serving.resources?.requests };
  // An extended resource is requested by its limit; a request beside it would have to be equal.
  for (const name of Object.keys(gpu)) delete requests[name];
  const limits = { ...serving.resources?.limits, ...gpu };
  const stated = {
    requests: quantities(requests),
    limits: quantities(limits),
    claims: serving.gpu?.claim && [{ name: CLAIM }],
  };
  return Object.values(stated).every((value) => value === undefined) ? undefined : stated;
}

function quantities(map: Record<string, string | number>): Record<string, string> | undefined {
  const entries = Object.entries(map).map(([name, value]) => [name, canonicalQuantity(value)]);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/**
 * Startup asks for readiness: it lasts until the model is loaded and warm, and liveness, which is not asked before, can
 * not kill a pod that opens a large model. Liveness is patient: a busy pod that is killed makes its neighbours busier.
 */
function probes(options: RenderOptions): object {
  const startup = options.startupSeconds ?? STARTUP_SECONDS;
  const get = (path: string): object => ({ httpGet: { path, port: ADMIN.name, scheme: 'HTTP' } });
  return {
    startupProbe: {
      ...get('/readyz'),
      periodSeconds: 2,
      timeoutSeconds: 2,
      failureThreshold: Math.ceil(startup / 2),
    },
    livenessProbe: { ...get('/livez'), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
    readinessProbe: { ...get('/readyz'), periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 3 },
  };
}

function volumeMounts({ serving }: PlannedVersion, location: ModelLocation): object[] {
  const stated = serving.pod?.volumeMounts ?? [];
  return [
    // Not as a subPath: such a mount never follows a change of its ConfigMap.
    { name: TABLE_VOLUME, mountPath: TABLE_FOLDER, readOnly: true },
    ...(mountsScratch(serving.pod?.volumeMounts) ? [] : [{ name: SCRATCH_VOLUME, mountPath: SCRATCH_FOLDER }]),
    ...mountsOf(location),
    ...stated,
  ];
}

/** Whether the user gives the scratch folder a volume of their own. */
export function mountsScratch(mounts: readonly Record<string, unknown>[] = []): boolean {
  return mounts.some(({ mountPath }) => String(mountPath).replace(/\/+$/, '') === SCRATCH_FOLDER);
}
