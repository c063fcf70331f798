/** Which version a request belongs to: 10,000 slots, each owned by one version of the table. Pure. */
import { hash } from 'node:crypto';
import type { TrafficTable } from '../../api/traffic-table.ts';
import { ALL } from '../../api/units.ts';

/** Slot → index of the version in `table.versions`. The table is valid: each slot has one owner, 64 versions at most. */
export function ownersOf(table: Pick<TrafficTable, 'versions'>): Uint8Array {
  const owners = new Uint8Array(ALL);
  for (const [index, { ranges }] of table.versions.entries()) {
    for (const [from, to] of ranges) owners.fill(index, from, to);
  }
  return owners;
}

/** @param random uniform in [0, 1) @returns a slot, each one as likely */
export function randomSlot(random: () => number): number {
  return Math.floor(random() * ALL);
}

/**
 * The slot of a cohort: the first 6 bytes, big-endian, of SHA-256 over `MODEL`, a zero byte and the header's value as it
 * was on the wire, modulo 10,000. Others may compute it; it is API. @see docs/decisions/traffic-split.md
 *
 * @param value as Node gives it, one character a byte: hashed as UTF-8, what is not ASCII would hash to something else
 */
export function cohortSlot(model: string, value: string): number {
  // Hexadecimal is the quickest way out of `hash`; 6 bytes are exact in a double.
  const digest = hash('sha256', Buffer.from(`${model}\0${value}`, 'latin1'), 'hex');
  return Number.parseInt(digest.slice(0, 12), 16) % ALL;
}
