import { expect, test } from 'vitest';
import { wishOf } from '../../../runtime/protocol/accept-encoding.ts';

test.each([
  ['gzip', 'gzip asked'],
  ['deflate', 'deflate asked'],
  ['GZIP;q=0.5', 'gzip asked'],
  ['x-gzip', 'gzip asked'],
  ['gzip, identity', 'gzip asked'],
  ['gzip, deflate', 'gzip offered'],
  ['deflate, gzip, br, zstd', 'gzip offered'],
  ['gzip;q=0.2, deflate;q=0.3', 'deflate offered'],
  ['*', 'gzip offered'],
  ['br, *;q=0.1', 'gzip offered'],
  ['gzip;q=0, *', 'deflate offered'],
  ['gzip, identity;q=0', 'gzip must'],
  ['deflate, *;q=0', 'deflate must'],
  ['identity, gzip;q=0.5', undefined],
  ['identity', undefined],
  ['identity;q=0', undefined],
  ['br', undefined],
  ['gzip;q=0', undefined],
  ['gzip;q=0.000', undefined],
  ['gzip;q=2', undefined],
  ['gzip;q=much', undefined],
  ['*;q=0', undefined],
  [',;,', undefined],
  ['gzip;'.repeat(10_000), 'gzip asked'],
])('%.40s', (accepts, wanted) => {
  for (const _ of ['read', 'remembered']) {
    const wish = wishOf(accepts);
    expect(wish && `${wish.coding} ${wish.urgency}`).toBe(wanted);
  }
});
