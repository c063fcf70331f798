import { expect, test } from 'vitest';
import { answerHead } from '../../../runtime/http1/answer-head.ts';

const NOON = Date.UTC(2026, 10, 21, 12);
const framing = { length: 2, keepAliveSeconds: 75, now: NOON };

test('the head of an answer on a connection that stays', () => {
  expect(answerHead({ status: 200, headers: { 'content-type': 'a/b', 'modelship-version': 'v1' } }, framing)).toBe(
    'HTTP/1.1 200 OK\r\ncontent-type: a/b\r\nmodelship-version: v1\r\ndate: Sat, 21 Nov 2026 12:00:00 GMT\r\n' +
      'content-length: 2\r\nconnection: keep-alive\r\nkeep-alive: timeout=75\r\n\r\n',
  );
});

test('the date goes on', () => {
  const dateAt = (now: number) =>
    /date: (.*)\r/.exec(answerHead({ status: 200, headers: {} }, { ...framing, now }))?.[1];
  expect([dateAt(NOON + 999), dateAt(NOON + 1_000), dateAt(NOON)]).toEqual([
    'Sat, 21 Nov 2026 12:00:00 GMT',
    'Sat, 21 Nov 2026 12:00:01 GMT',
    'Sat, 21 Nov 2026 12:00:00 GMT',
  ]);
});

test.each([
  ['a connection that closes', {}, { keepAliveSeconds: undefined }, /connection: close\r\n\r\n$/],
  ['a body whose length is not known', {}, { length: undefined }, /\r\ntransfer-encoding: chunked\r\n/],
  ['a stream whose length its origin said', { 'content-length': '9' }, { length: undefined }, /content-length: 9\r\n/],
  ['a status without a name', {}, {}, /^HTTP\/1\.1 499 unknown\r\n/, 499],
])('%s', (_name, headers, more, pattern, status = 200) => {
  expect(answerHead({ status, headers }, { ...framing, ...more })).toMatch(pattern);
});

test('what another process said of its own connection is not repeated', () => {
  const headers = {
    connection: 'close',
    'keep-alive': 'timeout=5',
    'content-length': '9',
    'transfer-encoding': 'chunked',
  };
  const head = answerHead({ status: 200, headers: { ...headers, date: 'yesterday' } }, framing);
  expect(head).toBe(answerHead({ status: 200, headers: {} }, framing));
});

test.each(['a\r\nb: c', 'a\nb', '\0', 'λ'])('a value that would be more than a value is refused: %j', (value) => {
  expect(() => answerHead({ status: 200, headers: { x: value } }, framing)).toThrow(/the header x of an answer/);
});
