/** Which heads are plain, and what is read of them. */
import { expect, test } from 'vitest';
import { readHead } from '../../../runtime/http1/head.ts';

const LINE = 'POST /v2/models/m/infer HTTP/1.1\r\n';
const read = (text: string) => readHead(Buffer.from(text, 'latin1'), Buffer.from(LINE));

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
