/** Which heads are plain, and what is read of them. */
import { describe, expect, test } from 'vitest';
import { HeadReader } from '../../../runtime/http1/head.ts';

const LINE = 'POST /v2/models/m/infer HTTP/1.1\r\n';
const reader = () => new HeadReader(Buffer.from(LINE));
const read = (text: string, by = reader()) => by.read(Buffer.from(text, 'latin1'));

test('a plain head: names in lower case, values without the blanks around them, and where the body is', () => {
  const head = `${LINE}Host: a\r\nX-Empty:\r\nX-Text:\t two  words \r\nContent-Length: 007\r\n\r\n`;
  expect(read(`${head}a body of more bytes`)).toEqual({
    headers: { host: 'a', 'x-empty': '', 'x-text': 'two  words', 'content-length': '007' },
    bodyLength: 7,
    bodyAt: head.length,
  });
});

test.each([
  ['no connection', ''],
  ['a connection that stays', 'connection: Keep-Alive\r\n'],
  ['a body of JSON and tensors', 'inference-header-content-length: 3\r\n'],
])('%s is plain', (_name, fields) => {
  expect(read(`${LINE}${fields}content-length: 3\r\n\r\nabc`)?.bodyLength).toBe(3);
});

const fields = (text: string) => `${LINE}content-length: 3\r\n${text}\r\n\r\nabc`;
const odd: [string, string][] = [
  ['nothing', ''],
  ['half a request line', LINE.slice(0, 10)],
  ['a request line and no more', LINE],
  ['a head that is not whole', `${LINE}content-length: 3\r\n`],
  ['a head without fields', `${LINE}\r\nabc`],
  ['another method', fields('').replace('POST', 'GET ')],
  ['another path', fields('').replace('/m/', '/n/')],
  ['a query', fields('').replace('infer', 'infer?a=b')],
  ['another version of HTTP', fields('').replace('1.1', '1.0')],
  ['an end of line before it', `\r\n${fields('a: b')}`],
  ['no length', `${LINE}host: a\r\n\r\nabc`],
  ['an empty length', `${LINE}content-length:\r\n\r\nabc`],
  ['a signed length', `${LINE}content-length: +3\r\n\r\nabc`],
  ['a length in hexadecimal', `${LINE}content-length: 0x3\r\n\r\nabc`],
  ['a length of two numbers', `${LINE}content-length: 3, 3\r\n\r\nabc`],
  ['a length of 11 digits', `${LINE}content-length: 00000000003\r\n\r\nabc`],
  ['two lengths', fields('Content-Length: 3')],
  ['a repeated field', fields('accept: a\r\nAccept: b')],
  ['a body in chunks', fields('transfer-encoding: chunked')],
  ['what expects 100-continue', fields('expect: 100-continue')],
  ['an upgrade', fields('upgrade: h2c')],
  ['trailers', fields('trailer: a')],
  ['what takes trailers', fields('te: trailers')],
  ['settings of HTTP/2', fields('http2-settings: a')],
  ['a connection that closes', fields('connection: close')],
  ['a connection with hop-by-hop fields', fields('connection: keep-alive, x-a')],
  ['a cookie to set', fields('set-cookie: a')],
  ['a field of more lines', fields('a: b\r\n c')],
  ['a blank before the colon', fields('a : b')],
  ['a line without a colon', fields('a')],
  ['a field without a name', fields(': a')],
  ['a name that means something to an object', fields('constructor: a')],
  ['the same with underscores', fields('__proto__: a')],
  ['an end of line that is only a line feed', fields('a: b\nc: d')],
  ['a lone carriage return', fields('a: b\rc')],
  ['a zero byte', fields('a: b\0')],
  ['a byte above ASCII', fields('a: ü')],
  ['very many fields', fields(Array.from({ length: 200 }, (_, i) => `a${i}: b`).join('\r\n'))],
  ['a very long head', fields(`a: ${'x'.repeat(8_200)}`)],
];

test.each(odd)('%s is not: it is left to Node', (_name, text) => {
  expect(read(text)).toBeUndefined();
});

describe('the heads of one connection', () => {
  const HEADS: [string, (length: string) => string][] = [
    ['the length first', (length) => `${LINE}Content-Length: ${length}\r\nhost: a\r\n\r\n`],
    ['the length last', (length) => `${LINE}host: a\r\ncontent-length:\t${length} \r\n\r\n`],
    [
      'names and values that look like it',
      (length) => `${LINE}x-content-length: 5\r\nx-a: content-length: 5\r\nCONTENT-LENGTH:${length}\r\nhost: 5\r\n\r\n`,
    ],
  ];

  test.each(HEADS)('%s: what differs in its length only is read as it would be alone', (_name, head) => {
    const by = reader();
    for (const length of ['5', '5', '1234567890', '007', '0', '42']) {
      const text = `${head(length)}body`;
      expect(read(text, by)).toEqual(read(text));
      expect(read(text, by)?.headers['content-length']).toBe(length);
    }
    for (const length of ['', 'x', '-5', '5x', '5, 5', '12345678901', '5\r\ncontent-length: 5']) {
      expect(read(head(length), by), length).toBeUndefined();
    }
  });

  test('one that differs elsewhere is read anew, and so is the next', () => {
    const by = reader();
    const ask = (field: string) => `${LINE}host: a\r\ncontent-length: 3\r\n${field}\r\n\r\nabc`;
    for (const field of ['accept: a', 'accept: b', 'accept: a', 'x-a: 1\r\nx-b: 2', 'accept: ab', 'accept: a']) {
      expect(read(ask(field), by)).toEqual(read(ask(field)));
    }
    expect(read(ask('te: trailers'), by)).toBeUndefined();
    expect(read(ask('accept: a').slice(0, -5), by)).toBeUndefined();
  });

  test('headers are of one request: what one does to them the next does not see', () => {
    const by = reader();
    const text = `${LINE}host: a\r\ncontent-length: 3\r\n\r\n`;
    for (let i = 0; i < 3; i++) {
      const { headers } = read(text, by) as { headers: Record<string, string> };
      expect(headers).toEqual({ host: 'a', 'content-length': '3' });
      headers.host = 'b';
      headers.more = 'c';
    }
  });

  test('one that writes something new in each head is understood for good', () => {
    const by = reader();
    for (let i = 0; i < 30; i++) {
      const text = `${LINE}traceparent: ${i}\r\ncontent-length: 3\r\n\r\n`;
      expect(read(text, by)).toEqual(read(text));
    }
  });
});
