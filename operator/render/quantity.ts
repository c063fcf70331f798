/** Quantities as the API server writes them. */

const BINARY = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
/** Nothing is kept below a billionth. */
const NANO = 10n ** 9n;

/**
 * The canonical form: no fraction, and the largest unit that allows it. `1.5Gi` → `1536Mi`, `1000m` → `1`, 1000 → `1k`.
 * What is applied otherwise is stored in this form, and so differs at every apply: an endless write of nothing.
 * (`Quantity.CanonicalizeBytes` in k8s.io/apimachinery.) The value must have passed the `quantity` schema.
 */
export function canonicalQuantity(value: string | number): string {
  const [, whole = '0', fraction = '', unit = ''] = /^(\d+)(?:\.(\d+))?([A-Za-z]*)$/.exec(String(value)) ?? [];
  const binary = BINARY.indexOf(unit);
  const factor = binary >= 0 ? NANO * 1024n ** BigInt(binary + 1) : 1000n ** BigInt(DECIMAL.indexOf(unit));
  const scale = 10n ** BigInt(fraction.length);
  const nanos = (BigInt(whole + fraction) * factor + scale - 1n) / scale;
  if (binary >= 0 && nanos >= 1024n * NANO && nanos % NANO === 0n) {
    return largestUnit(nanos / NANO, 1024n, ['', ...BINARY]);
  }
  return nanos === 0n ? '0' : largestUnit(nanos, 1000n, DECIMAL);
}

function largestUnit(amount: bigint, step: bigint, units: readonly string[]): string {
  let rest = amount;
  let index = 0;
  while (rest % step === 0n && index < units.length - 1) {
    rest /= step;
    index++;
  }
  return `${rest}${units[index]}`;
}
