/** JSON merge patch (RFC 7386): what turns one JSON value into another. Pure. */
import { sameJson } from '../../core/equal.ts';

type Json = Readonly<Record<string, unknown>>;

/** What a merge patch must say so that `from` becomes `to`; lists are replaced as a whole. */
export function mergePatch(from: Json, to: Json): Record<string, unknown> {
  const patch: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const [was, will] = [from[key], to[key]];
    if (sameJson(was, will)) continue;
    if (will === undefined) patch[key] = null;
    else patch[key] = isObject(was) && isObject(will) ? mergePatch(was, will) : will;
  }
  return patch;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
