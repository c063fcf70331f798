import { describe, expect, it } from 'vitest';
import { joinSingles } from '../../../runtime/protocol/json-singles.ts';
import fc from '../../properties.ts';

const LONGEST = 25;

describe('FP32 as JSON', () => {
  it.each([
    ['nothing', [], ''],
    ['whole numbers', [0, 1, -1, 100, 9_999_999], '0,1,-1,100,9999999'],
    ['the digits of an FP32, not of a double', [0.1, 0.3, -0.7, 10.25, 123456.7], '0.1,0.3,-0.7,10.25,123456.7'],
    ['zeros after the point', [0.05, -0.000123, 0.000002], '0.05,-0.000123,0.000002'],
    ['nine digits where eight are not enough', [1.0000001, 0.99999994, 8_388_607.5], '1.0000001,0.99999994,8388607.5'],
    ['what rounds up to a whole number', [9.9999998, 0.99999999], '10,1'],
    ['the largest and the least as JavaScript writes them', [1e7, 3.5e38 / 2, 1.401298464324817e-45], undefined],
  ])('writes %s', (_, values, text) => {
    const singles = Float32Array.from(values);
    const written = joinSingles(singles);
    if (text !== undefined) expect(written).toBe(text);
    expect(Float32Array.from(JSON.parse(`[${written}]`))).toEqual(singles);
  });

  it('gives every value back, in texts of bounded length', () => {
    const finite = fc.float({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0));
    const usual = fc
      .double({ min: -1e8, max: 1e8, noNaN: true })
      .map(Math.fround)
      .filter((value) => !Object.is(value, -0));
    const values = fc.array(fc.oneof(finite, usual), { maxLength: 5_000 });
    fc.assert(
      fc.property(values, (list) => {
        const singles = Float32Array.from(list);
        const written = joinSingles(singles);
        expect(Float32Array.from(JSON.parse(`[${written}]`))).toEqual(singles);
        for (const text of written.split(',')) expect(text.length).toBeLessThanOrEqual(LONGEST);
      }),
      { numRuns: 300, seed: 6 },
    );
  });

  it('gives values back that lie beside each other', () => {
    const bits = new Uint32Array(200_000);
    for (let i = 0; i < bits.length; i++) bits[i] = 0x3c000000 + i * 547;
    const singles = new Float32Array(bits.buffer);
    expect(Float32Array.from(JSON.parse(`[${joinSingles(singles)}]`))).toEqual(singles);
  });

  it('is never longer than a double’s text of the same value', () => {
    const singles = Float32Array.from({ length: 20_000 }, (_, i) => Math.sin(i * 1.37) * 10 ** (i % 7));
    const texts = joinSingles(singles).split(',');
    for (const [i, text] of texts.entries()) expect(text.length).toBeLessThanOrEqual(String(singles[i]).length);
  });
});
