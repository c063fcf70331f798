/** The sentences of a run, for the live table and the plain lines alike. Pure. */
import type { DeploymentView, LocalEvent } from '../../local/snapshot.ts';
import { counted, latencyText, measuredPercent, rateText } from '../numbers.ts';
import { type Paint, type Style, wrap } from '../output.ts';
import type { Welcome } from './reporter.ts';

const LEVEL_STYLES: Record<LocalEvent['level'], Style> = { info: 'dim', warn: 'yellow', error: 'red' };

/**
 * `TIME info  digits: message`, with the version where the message does not name it; further lines are indented.
 * @param width where to break, if anywhere
 */
export function eventLine(event: LocalEvent, time: string, paint: Paint, width = Number.POSITIVE_INFINITY): string {
  const { level, deployment, version, message } = event;
  const who = version === undefined || message.includes(version) ? deployment : `${deployment} ${version}`;
  const start = `${time} ${level.padEnd(5)} `;
  const [first = '', ...rest] = `${who}: ${message}`.split('\n');
  const room = Math.max(width - start.length, 24);
  const [head, ...tail] = width === Number.POSITIVE_INFINITY ? [first] : wrap(first, room, 'keep');
  const after = [...tail, ...rest].map((line) => `  ${line}\n`).join('');
  return `${paint('dim', time)} ${paint(LEVEL_STYLES[level], level.padEnd(5))} ${head}\n${after}`;
}

export function welcomeText(welcomes: readonly Welcome[], watched: readonly string[], paint: Paint): string {
  const blocks = welcomes.map(({ model, url, grpc, curl, predict }) => {
    const also = grpc === undefined ? '' : ` and over gRPC at ${paint('cyan', grpc)}`;
    return `${paint('bold', model)} is served at ${paint('cyan', url)}${also}. Ask it:\n\n  ${curl}\n  ${predict}\n`;
  });
  const edits = watched.length > 0 ? [`Edit and save ${watched.join(', ')}, and the change takes effect.\n`] : [];
  return `\n${[...blocks, ...edits].join('\n')}\n`;
}

export function stoppingText(again: number): string {
  return again === 0 ? 'draining; Ctrl-C again ends everything at once' : 'ending everything at once';
}

/** What happened between two views of one deployment; undefined when nothing was asked. */
export function summaryOf(
  before: DeploymentView | undefined,
  now: DeploymentView,
  seconds: number,
): string | undefined {
  const since = (total: number, earlier = 0) => Math.max(0, total - earlier);
  const answers = now.versions.map(({ name, requests }) => ({
    name,
    requests: since(requests, before?.versions.find((v) => v.name === name)?.requests),
  }));
  const requests = answers.reduce((sum, each) => sum + each.requests, 0);
  const errors = since(now.total.errors, before?.total.errors);
  if (requests === 0 && errors === 0) return undefined;
  const shares = answers.map(
    (each) => `${each.name} ${measuredPercent((100 * each.requests) / Math.max(requests, 1))}`,
  );
  const { p50, p99 } = now.total;
  const latency = p50 === undefined ? '' : `; p50 ${latencyText(p50)}, p99 ${latencyText(p99)}`;
  const rate = `${counted(requests, 'request')} in ${Math.round(seconds)} s (${rateText(requests / seconds)}/s)`;
  return `${rate}: ${shares.join(', ')}${latency}; ${counted(errors, 'error')}`;
}

/** The last words of a deployment. */
export function farewellOf({ name, total, versions }: DeploymentView): string {
  const shielded = versions.reduce((sum, version) => sum + version.shielded, 0);
  const aside = shielded > 0 ? `, ${counted(shielded, 'request')} answered by another version than drawn` : '';
  return `${name}: ${counted(total.requests, 'request')} answered, ${counted(total.errors, 'error')}${aside}`;
}
