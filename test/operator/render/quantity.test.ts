import { describe, expect, it } from 'vitest';
import { quantityNumber } from '../../../api/units.ts';
import { canonicalQuantity } from '../../../operator/render/quantity.ts';
import fc from '../../properties.ts';

describe('quantities as the API server writes them', () => {
  const table: [string | number, string][] = [
    ['1.5Gi', '1536Mi'],
    ['1024Mi', '1Gi'],
    ['1000m', '1'],
    ['0.5', '500m'],
    ['1500m', '1500m'],
    [1000, '1k'],
    ['1000000', '1M'],
    ['0', '0'],
    ['0Gi', '0'],
    ['0.5Ki', '512'],
    ['1000Ki', '1000Ki'],
    ['1.1Ki', '1126400m'],
    ['0.0000000001', '1n'],
    ['1.000', '1'],
    ['2000E', '2000E'],
  ];
  it.each(table)('%s is %s', (value, canonical) => expect(canonicalQuantity(value)).toBe(canonical));

  it('mean the same as before, and are their own canonical form', () => {
    const units = fc.constantFrom('', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi');
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.option(fc.nat(999)), units, (whole, fraction, unit) => {
        const value = `${whole}${fraction === null ? '' : `.${fraction}`}${unit}`;
        const canonical = canonicalQuantity(value);
        expect(canonicalQuantity(canonical)).toBe(canonical);
        if (!/[nu]$/.test(canonical)) {
          const [before, after] = [quantityNumber(value), quantityNumber(canonical)];
          expect(Math.abs(after - before)).toBeLessThanOrEqual(1e-9 * Math.max(1, before));
        }
      }),
    );
  });
});
