import { describe, expect, test } from 'vitest';
import { REQUEST_ERRORS, RequestError, type RequestErrorCode } from '../../../runtime/errors.ts';
import { percentEncode, readTimeout, refusalOf, STATUS, statusOf, trailersOf } from '../../../runtime/grpc/status.ts';

describe('the status of each coded error', () => {
  const expected: Partial<Record<RequestErrorCode, keyof typeof STATUS>> = {
    ROUTE_NOT_FOUND: 'UNIMPLEMENTED',
    METHOD_NOT_ALLOWED: 'UNIMPLEMENTED',
    REPOSITORY_READ_ONLY: 'UNIMPLEMENTED',
    MODEL_NOT_FOUND: 'NOT_FOUND',
    VERSION_NOT_FOUND: 'NOT_FOUND',
    INVALID_REQUEST: 'INVALID_ARGUMENT',
    MISSING_INPUT: 'INVALID_ARGUMENT',
    UNKNOWN_INPUT: 'INVALID_ARGUMENT',
    DUPLICATE_INPUT: 'INVALID_ARGUMENT',
    UNKNOWN_OUTPUT: 'INVALID_ARGUMENT',
    INPUT_DATATYPE: 'INVALID_ARGUMENT',
    INPUT_SHAPE: 'INVALID_ARGUMENT',
    INPUT_DATA: 'INVALID_ARGUMENT',
    UNSUPPORTED_MEDIA_TYPE: 'UNIMPLEMENTED',
    BODY_TOO_LARGE: 'RESOURCE_EXHAUSTED',
    HEADERS_TOO_LARGE: 'RESOURCE_EXHAUSTED',
    QUEUE_FULL: 'RESOURCE_EXHAUSTED',
    REQUEST_TOO_SLOW: 'DEADLINE_EXCEEDED',
    REQUEST_TIMEOUT: 'DEADLINE_EXCEEDED',
    CLIENT_GONE: 'CANCELLED',
    MISDIRECTED: 'FAILED_PRECONDITION',
    NOT_READY: 'UNAVAILABLE',
    DIGEST_CHANGED: 'UNAVAILABLE',
    VERSION_UNAVAILABLE: 'UNAVAILABLE',
    INFERENCE_FAILED: 'INTERNAL',
    INTERNAL: 'INTERNAL',
  };
  test.each(Object.entries(expected))('%s is %s', (code, status) => {
    expect(statusOf(new RequestError(code as RequestErrorCode, ''))).toBe(STATUS[status]);
  });

  test('what a client did is never INTERNAL, whatever codes are added', () => {
    for (const [code, status] of Object.entries(REQUEST_ERRORS)) {
      if (status < 500) expect(statusOf({ code, status }), code).not.toBe(STATUS.INTERNAL);
    }
    expect(statusOf({ code: 'OF_A_LATER_VERSION', status: 429 })).toBe(STATUS.RESOURCE_EXHAUSTED);
    expect(statusOf({ code: 'OF_A_LATER_VERSION', status: 418 })).toBe(STATUS.INVALID_ARGUMENT);
  });
});

describe('trailers', () => {
  test('say the code, the message and when to come again', () => {
    expect(trailersOf(new RequestError('QUEUE_FULL', 'full: 100 % of ü', { 'retry-after': '2' }))).toEqual({
      'grpc-status': '8',
      'grpc-message': 'full: 100 %25 of %C3%BC',
      'modelship-code': 'QUEUE_FULL',
      'grpc-retry-pushback-ms': '2000',
    });
  });

  test.each([
    ['plain', 'plain'],
    ['a\nb\r\0', 'a%0Ab%0D%00'],
    ['~ }', '~ }'],
    ['😀', '%F0%9F%98%80'],
    ['\ud800', '%EF%BF%BD'],
    ['x'.repeat(5_000), 'x'.repeat(4_096)],
    [`${'x'.repeat(4_090)}😀`, 'x'.repeat(4_090)],
  ])('percent-encode %j', (message, encoded) => {
    expect(percentEncode(message)).toBe(encoded);
    expect(() => decodeURIComponent(encoded)).not.toThrow();
  });

  test('of an answer that another version gave', () => {
    const body = JSON.stringify({ error: 'no', code: 'INPUT_SHAPE' });
    expect(refusalOf(400, {}, body)).toMatchObject({ code: 'INPUT_SHAPE', message: 'no', status: 400 });
    expect(refusalOf(499, {}, '')).toMatchObject({ code: 'CLIENT_GONE' });
    expect(refusalOf(502, {}, '<html>')).toMatchObject({ code: 'VERSION_UNAVAILABLE', message: 'HTTP status 502' });
    expect(refusalOf(502, {}, 'null')).toMatchObject({ code: 'VERSION_UNAVAILABLE' });
  });
});

describe('grpc-timeout', () => {
  test.each([
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3_000],
    ['4m', 4],
    ['5000u', 5],
    ['99999999n', 99.999999],
    ['0m', 0],
  ])('%s', (value, ms) => expect(readTimeout(value)).toBeCloseTo(ms));

  test.each(['', '1', 'm', '-1m', '1.5S', '100000000m', '1s', '1 m'])('%j is refused', (value) => {
    expect(() => readTimeout(value)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
  });
});
