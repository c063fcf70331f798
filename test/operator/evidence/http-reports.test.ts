import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { httpReports, REPORT_URL } from '../../../operator/evidence/http-reports.ts';
import { report } from './build.ts';

const POD = { namespace: 'models', name: 'digits-v1-abc', ip: '127.0.0.1' };
/** Where an answer comes. */
const PATIENT_MS = 25_000;
/** Where none does. */
const SHORT_MS = 150;

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

async function reportsFrom(
  answer: Answer,
  { host = '127.0.0.1', path = '/{namespace}/{pod}', timeoutMs = PATIENT_MS } = {},
) {
  const server = createServer((request, response) => answer(response, request));
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  const reports = httpReports(`http://{ip}:${port}${path}`, timeoutMs);
  onTestFinished(async () => {
    await reports.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return reports;
}

const sends =
  (body: string, status = 200): Answer =>
  (response) =>
    void response.writeHead(status).end(body);

describe('a report over HTTP', () => {
  test('is asked for at the admin port of the pod by default', () => {
    expect(REPORT_URL).toBe('http://{ip}:9090/modelship/report');
  });

  test('is read whole, from where the template says', async () => {
    const asked: (string | undefined)[] = [];
    const reports = await reportsFrom((response, { url }) => {
      asked.push(url);
      response.end(JSON.stringify(report()));
    });
    expect(await reports.read(POD)).toEqual({ ok: true, report: report() });
    expect(asked).toEqual(['/models/digits-v1-abc']);
  });

  test('with the metrics that are asked for by name', async () => {
    const asked: (string | undefined)[] = [];
    const answer: Answer = (response, { url }) => {
      asked.push(url);
      response.end(JSON.stringify(report()));
    };
    await (await reportsFrom(answer)).read(POD, ['queue_depth', 'a:b']);
    await (await reportsFrom(answer, { path: '/{pod}?of={namespace}' })).read(POD, ['queue_depth']);
    await (await reportsFrom(answer)).read(POD, []);
    expect(asked).toEqual([
      '/models/digits-v1-abc?custom=queue_depth%2Ca%3Ab',
      '/digits-v1-abc?of=models&custom=queue_depth',
      '/models/digits-v1-abc',
    ]);
  });

  test('of a pod with an IPv6 address', async () => {
    const reports = await reportsFrom(sends(JSON.stringify(report())), { host: '::1' });
    expect((await reports.read({ ...POD, ip: '::1' })).ok).toBe(true);
  });

  const bad = (json: object) => JSON.stringify({ ...report(), ...json });
  test.each<[string, Answer, RegExp, number?]>([
    ['another status, even with a report', sends(JSON.stringify(report()), 503), /answered 503$/],
    ['a redirect', (response) => void response.writeHead(302, { location: '/else' }).end(), /answered 302$/],
    ['no JSON', sends('<html>'), /JSON/],
    ['JSON that is no report', sends('{}'), /no report/],
    ['a number that can not be', sends(bad({ inFlight: -1 })), /no report/],
    ['more than a report can have', sends(' '.repeat(1_100_000) + JSON.stringify(report())), /more than 1048576 bytes/],
    ['a connection that is cut', (response) => void response.destroy(), /other side closed|ECONNRESET/],
    [
      'half an answer',
      (response) => void response.writeHead(200, { 'content-length': '9' }).write('{'),
      /[Tt]imeout/,
      SHORT_MS,
    ],
    ['silence', () => undefined, /[Tt]imeout|aborted/, SHORT_MS],
  ])('%s: no report, with the reason', async (_, answer, says, timeoutMs = PATIENT_MS) => {
    const reports = await reportsFrom(answer, { timeoutMs });
    const read = await reports.read(POD);
    expect(read).toEqual({ ok: false, reason: expect.stringMatching(says) });
    expect(read.ok || read.reason).toContain('/models/digits-v1-abc');
  });

  test('a byte now and then does not keep it going for ever', async () => {
    const answer: Answer = (response) => {
      const drip = setInterval(() => response.write(' '), SHORT_MS / 5);
      response.once('close', () => clearInterval(drip));
    };
    const reports = await reportsFrom(answer, { timeoutMs: SHORT_MS });
    expect(await reports.read(POD)).toEqual({ ok: false, reason: expect.stringMatching(/[Tt]imeout|aborted/) });
  });

  test('nobody there, and a template that is no URL', async () => {
    for (const template of ['http://127.0.0.1:1/', 'nothing', 'ftp://{ip}/']) {
      const reports = httpReports(template, PATIENT_MS);
      onTestFinished(() => reports.close());
      expect((await reports.read(POD)).ok).toBe(false);
    }
  });

  test('through a proxy: a pod that hangs holds up none of the others', async () => {
    const hanging: ServerResponse[] = [];
    const reports = await reportsFrom((response, { url }) => {
      if (url?.endsWith('bad')) hanging.push(response);
      else response.end(JSON.stringify(report()));
    });
    const bad = reports.read({ ...POD, name: 'bad' });
    const good = await Promise.all(['p1', 'p2', 'p3'].map((name) => reports.read({ ...POD, name })));
    expect(good.map(({ ok }) => ok)).toEqual([true, true, true]);
    expect(hanging.map(({ destroyed }) => destroyed)).toEqual([false]);
    for (const response of hanging) response.destroy();
    expect((await bad).ok).toBe(false);
  });
});
