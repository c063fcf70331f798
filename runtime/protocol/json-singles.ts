/**
 * FP32 → JSON with the digits that an FP32 has. As a double, 0.1 in FP32 is 0.10000000149011612: twice the bytes, and
 * five times the time to find them. Eight significant digits give most FP32 back, nine give every one. Pure.
 */

/** Powers of ten that are exact as doubles. */
const TEN = Float64Array.from({ length: 23 }, (_, k) => Number(`1e${k}`));
const TWO_DIGITS = Buffer.from(Array.from({ length: 100 }, (_, n) => String(n).padStart(2, '0')).join(''));

/** From here on, and below the least, JavaScript's own text is as short, or rare enough. */
const LARGEST = 1e7;
const LEAST = 1e-6;
/** Sign, `0.`, five zeros, nine digits and a comma. */
const MOST_BYTES = 18;
const PIECE = 2048;
const ZERO = 0x30;
const MINUS = 0x2d;
const POINT = 0x2e;
const COMMA = 0x2c;

/** By the exponent of an FP32 as its bits hold it: decimals that leave seven or eight digits before the point. */
const DECIMALS = Uint8Array.from({ length: 256 }, (_, exponent) =>
  Math.min(Math.max(7 - Math.floor((exponent - 126) * Math.log10(2)), 1), 21),
);
const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

const scratch = Buffer.allocUnsafeSlow(PIECE * MOST_BYTES);

/**
 * @param values finite, without −0
 * @returns decimals with commas between, each of which, read as a double and rounded to FP32, is the value again
 */
export function joinSingles(values: Float32Array): string {
  const { length } = values;
  let text = '';
  let at = 0;
  for (let i = 0; i < length; i++) {
    const value = values[i] as number;
    const end = writeSingle(value, at);
    if (end < 0) {
      text += scratch.toString('latin1', 0, at) + value;
      at = 0;
    } else at = end;
    if (i < length - 1) scratch[at++] = COMMA;
    if (at > (PIECE - 1) * MOST_BYTES) {
      text += scratch.toString('latin1', 0, at);
      at = 0;
    }
  }
  return text + scratch.toString('latin1', 0, at);
}

/** Writes into the scratch space. @returns where the text ends; −1 when it has to be written in another way */
function writeSingle(value: number, start: number): number {
  let at = start;
  let size = value;
  if (value < 0) {
    scratch[at++] = MINUS;
    size = -value;
  }
  if (size < LARGEST && size === Math.trunc(size)) return writeWhole(size | 0, at);
  if (!(size >= LEAST && size < LARGEST)) return -1;
  single[0] = size;
  let decimals = DECIMALS[(bits[0] as number) >>> 23] as number;
  if (size * (TEN[decimals] as number) < 1e7) decimals++;
  let digits = (size * (TEN[decimals] as number) + 0.5) | 0;
  if (!gives(size, digits, decimals)) {
    digits = (size * (TEN[++decimals] as number) + 0.5) | 0;
    if (!gives(size, digits, decimals)) return -1;
  } else {
    const fewer = (size * (TEN[decimals - 1] as number) + 0.5) | 0;
    if (gives(size, fewer, decimals - 1)) {
      digits = fewer;
      decimals--;
    }
  }
  for (let tenth = (digits / 10) | 0; tenth * 10 === digits; tenth = (digits / 10) | 0) {
    digits = tenth;
    decimals--;
  }
  const scale = TEN[decimals] as number;
  const whole = (digits / scale) | 0;
  at = writeWhole(whole, at);
  scratch[at] = POINT;
  return writeDecimals((digits - whole * scale) | 0, at + 1, decimals);
}

function gives(size: number, digits: number, decimals: number): boolean {
  return Math.fround(digits / (TEN[decimals] as number)) === size;
}

function writeWhole(number: number, start: number): number {
  let width = 1;
  while (width < 9 && number >= (TEN[width] as number)) width++;
  return writeDecimals(number, start, width);
}

/** With zeros in front, up to `width`. */
function writeDecimals(number: number, start: number, width: number): number {
  let left = number;
  let at = start + width;
  while (at >= start + 2 && left > 0) {
    const rest = (left / 100) | 0;
    const pair = (left - rest * 100) * 2;
    at -= 2;
    scratch[at] = TWO_DIGITS[pair] as number;
    scratch[at + 1] = TWO_DIGITS[pair + 1] as number;
    left = rest;
  }
  while (at > start) {
    const rest = (left / 10) | 0;
    scratch[--at] = ZERO + left - rest * 10;
    left = rest;
  }
  return start + width;
}
