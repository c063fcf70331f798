/**
 * Whatever the reader of plain heads takes, Node's parser takes too, and understands in the same way: where two readers
 * of one connection disagree about where a request ends, one caller may write another's request.
 */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { Duplex } from 'node:stream';
import { afterAll, expect, test } from 'vitest';
import { HeadReader } from '../../../runtime/http1/head.ts';
import { randomOf } from '../random.ts';

const SEED = 2_111_2026;
const HEADS = 20_000;
const LINE = Buffer.from('POST /v2/models/m/infer HTTP/1.1\r\n');

interface Understood {
  headers: IncomingHttpHeaders;
  body: string;
}

const server: Server = createServer({ requireHostHeader: false });
afterAll(() => void server.close(() => {}));

/** What Node makes of the bytes: its requests, and whether it went on to the end without an error. */
function byNode(bytes: Buffer): Promise<{ requests: Understood[]; fine: boolean }> {
  return new Promise((resolve) => {
    const requests: Understood[] = [];
    const connection = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    let open = 0;
    const settle = (fine: boolean) => {
      connection.destroy();
      resolve({ requests, fine });
    };
    const onRequest: Parameters<Server['on']>[1] = (request, response) => {
      if (request.socket !== connection) return;
      open++;
      let body = '';
      request.setEncoding('latin1').on('data', (text: string) => {
        body += text;
      });
      request.on('end', () => {
        requests.push({ headers: request.headers, body });
        response.end();
        open--;
      });
    };
    const onError = (_error: Error, socket: unknown) => socket === connection && settle(false);
    server.on('request', onRequest).on('clientError', onError);
    server.emit('connection', connection);
    connection.push(bytes);
    setImmediate(() => {
      server.off('request', onRequest).off('clientError', onError);
      settle(open === 0);
    });
  });
}

const FIELDS = [
  'Host: a',
  'content-type: application/json',
  'Accept: */*',
  'accept-encoding: gzip, deflate',
  'connection: keep-alive',
  'Connection: close',
  'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'inference-header-content-length: 4',
  'modelship-version: v1',
  'Transfer-Encoding: chunked',
  'cookie: a=b',
  'X-A:\t b \t',
  'x-empty:',
  'expect: 100-continue',
  'set-cookie: a',
  'Keep-Alive: 5',
  'Content-Length: 5',
];
const PIECES = [
  '\r\n',
  '\n',
  '\r',
  ':',
  ' ',
  '\t',
  '\0',
  ',',
  '5',
  'chunked',
  'ü',
  'Content-Length: 1\r\n',
  '-',
  '+',
  '"',
];

function headOf(random: ReturnType<typeof randomOf>): Buffer {
  const fields = Array.from({ length: random.below(6) }, () => random.pick(FIELDS));
  fields.splice(
    random.below(fields.length + 1),
    0,
    random.pick(['content-length: 5', 'Content-Length:  05 ', 'host: b']),
  );
  let text = `${LINE}${fields.join('\r\n')}\r\n\r\n`;
  for (let changes = random.below(3); changes > 0; changes--) {
    const at = random.below(text.length);
    const cut = random.below(3);
    text = text.slice(0, at) + (random.below(2) === 0 ? random.pick(PIECES) : '') + text.slice(at + cut);
  }
  return Buffer.from(text, 'latin1');
}

/** The same head with another length, and perhaps with something else. */
function likeness(head: Buffer, random: ReturnType<typeof randomOf>): Buffer {
  const text = head.toString('latin1').replace(/(?<=content-length: *)\d*/i, String(random.below(1_000)));
  const at = random.below(text.length);
  return Buffer.from(
    random.below(2) === 0 ? text : text.slice(0, at) + random.pick(PIECES) + text.slice(at + 1),
    'latin1',
  );
}

test(`${HEADS} mutated heads: those that are taken are the same to Node`, { timeout: 120_000 }, async () => {
  const random = randomOf(SEED);
  let taken = 0;
  for (let i = 0; i < HEADS; i++) {
    const whole = headOf(random);
    // As the first of its connection, or after another that was much the same.
    const reader = new HeadReader(LINE);
    if (random.below(2) === 0) reader.read(likeness(whole, random));
    const read = reader.read(whole);
    expect(read).toEqual(new HeadReader(LINE).read(whole));
    if (read === undefined) continue;
    taken++;
    const head = whole.subarray(0, read.bodyAt);
    // What follows the body must begin the next request for both.
    const bytes = Buffer.concat([head, Buffer.alloc(read.bodyLength, 'b'), head, Buffer.alloc(read.bodyLength, 'c')]);
    const said = `head ${i} of seed ${SEED}: ${JSON.stringify(head.toString('latin1'))}`;
    const body = (letter: string) => letter.repeat(read.bodyLength);
    expect(await byNode(bytes), said).toEqual({
      fine: true,
      requests: [
        { headers: read.headers, body: body('b') },
        { headers: read.headers, body: body('c') },
      ],
    });
  }
  // Else nothing was compared, or nothing was refused.
  expect(taken).toBeGreaterThan(HEADS * 0.1);
  expect(taken).toBeLessThan(HEADS * 0.9);
});

test('Node is asked for real: it sees what is no HTTP, and headers that differ', async () => {
  expect((await byNode(Buffer.from('GET /\0\r\n\r\n'))).fine).toBe(false);
  const { requests } = await byNode(Buffer.concat([LINE, Buffer.from('a: 1\r\nA: 2\r\ncontent-length: 1\r\n\r\nx')]));
  expect(requests).toEqual([{ headers: { a: '1, 2', 'content-length': '1' }, body: 'x' }]);
});
