/** Two models are asked the same, and it is counted how often they answer differently. */
import { type CompareRule, comparedOutputs, difference } from '../../api/compare.ts';
import type { Opened } from './opened.ts';
import type { Requests } from './requests.ts';

export interface Disagreement {
  /** That were answered by one of the two at least, with something to compare. */
  requests: number;
  differing: number;
  /** Of the first that differs, with its name. */
  first?: string;
  /** That tell nothing of the two, and why the first of them does. */
  untold: number;
  untoldFirst?: string;
}

type Answer = Awaited<ReturnType<Opened['ask']>>;

export async function replayed(
  requests: Requests,
  served: Opened,
  model: Opened,
  rule: CompareRule,
): Promise<Disagreement> {
  const counted: Disagreement = { requests: 0, differing: 0, untold: 0 };
  for (const [at, { name, inputs }] of requests.entries()) {
    const body = JSON.stringify({ inputs });
    const [was, is] = await Promise.all([served.ask(body), model.ask(body)]);
    const called = `request ${name === undefined ? `requests[${at}]` : `'${name}'`}`;
    const nothing = nothingTold(was, is, rule);
    if (nothing !== undefined) {
      counted.untold++;
      counted.untoldFirst ??= `${called} ${nothing}`;
      continue;
    }
    counted.requests++;
    const why = differenceOf(was, is, rule);
    if (why === undefined) continue;
    counted.differing++;
    counted.first ??= `${called} ${why}`;
  }
  return counted;
}

/** Why the two answers cannot be compared; undefined: they can. */
function nothingTold(was: Answer, is: Answer, rule: CompareRule): string | undefined {
  if ('refused' in was) return 'refused' in is ? `is refused by both: ${is.refused}` : undefined;
  if ('refused' in is || comparedOutputs(was, was, rule).length > 0) return undefined;
  return `has none of the outputs that are compared: ${rule.outputs?.join(', ')}`;
}

function differenceOf(was: Answer, is: Answer, rule: CompareRule): string | undefined {
  if ('refused' in was) return `was refused before: ${was.refused}`;
  return 'refused' in is ? `is refused: ${is.refused}` : difference(comparedOutputs(was, was, rule), is, rule);
}
