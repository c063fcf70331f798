import { describe, expect, test, vi } from 'vitest';
import { parseExact } from '../../../runtime/protocol/exact-json.ts';
import { parseJson } from '../../../runtime/protocol/json-text.ts';

const BIG = '9007199254740993';
const exact = BigInt(BIG);

describe('integers that a double does not hold', () => {
  test.each<[string, string, unknown]>([
    ['alone', BIG, exact],
    ['in a list', `[1,${BIG}, -${BIG}\n, 2]`, [1, exact, -exact, 2]],
    ['in an object', `{"a" : ${BIG} , "b":{"__proto__":${BIG}}}`, { a: exact, b: { ['__proto__']: exact } }],
    ['at the ends of 64 bits', '[-9223372036854775808,18446744073709551615]', [-(2n ** 63n), 2n ** 64n - 1n]],
    ['of 16 digits that fit', '[9007199254740991,-1234567890123456]', [9007199254740991, -1234567890123456]],
    ['in strings', `["${BIG}", "\\",${BIG}", " ${BIG} ", ${BIG}]`, [BIG, `",${BIG}`, ` ${BIG} `, exact]],
    ['in keys', `{"${BIG}": ${BIG}}`, { [BIG]: exact }],
    [
      'with a fraction or an exponent',
      `[${BIG}.5, ${BIG}e1, 0.${BIG}, 1e-${BIG}]`,
      JSON.parse(`[${BIG}.5, ${BIG}e1, 0.${BIG}, 0]`),
    ],
    ['beyond 20 digits', `[${'1'.repeat(21)}, ${BIG}]`, [Number('1'.repeat(21)), exact]],
  ])('%s', (_what, text, value) => {
    expect(parseExact(text)).toEqual(value);
  });

  test.each([
    `{${BIG}: 1}`,
    `[0${BIG}]`,
    `[- ${BIG}]`,
    `[--${BIG}]`,
    `[1 ${BIG}]`,
    `["a"${BIG}]`,
    `[${BIG},]`,
    `[${BIG}`,
  ])('no JSON: %s', (text) => {
    const message = (parse: (text: string) => unknown) => {
      try {
        return parse(text);
      } catch (error) {
        return String(error);
      }
    };
    expect(message(parseExact)).toBe(message(JSON.parse));
  });

  test('cost nothing for each of the other values', () => {
    const parse = vi.spyOn(JSON, 'parse');
    parseJson(Buffer.from(`[1,${BIG}]`), true);
    expect(parse.mock.calls.map(([, reviver]) => reviver)).toEqual([undefined]);
    parse.mockRestore();
  });

  test('are found below any depth', () => {
    let value = parseExact(`${'['.repeat(100_000)}${BIG}${']'.repeat(100_000)}`);
    while (Array.isArray(value)) value = value[0];
    expect(value).toBe(exact);
  });
});
