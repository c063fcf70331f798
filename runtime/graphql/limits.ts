/** What a GraphQL operation may ask for, checked before it is validated: validation takes the square of its size. Pure. */
import { type DocumentNode, type FragmentDefinitionNode, Kind, type SelectionSetNode, visit } from 'graphql';
import { RequestError } from '../errors.ts';

/** Bytes of a query's text; tensors belong into variables. */
export const MOST_QUERY_BYTES = 64 * 1024;
export const MOST_TOKENS = 2048;
/** Introspection, as tools ask for it, takes 15. */
export const MOST_DEPTH = 16;
/** Distinct queries whose parsed form is kept. */
export const QUERIES_KEPT = 32;

/** Fields and spreads as a document writes them. Introspection, as tools ask for it, takes 81. */
export const MOST_SELECTIONS = 128;
/** Of one operation, fragments and aliases counted each time. Introspection takes 230 fields. */
export const MOST = { fields: 256, infer: 16, data: 32 } as const;

export interface Asked {
  fields: number;
  /** Fields of the name `infer`. */
  infer: number;
  /** Fields of the name `data`: each repeats a tensor in the answer. */
  data: number;
}

/** What a selection asks for with its fragments written out; a fragment is walked once, however often it is spread. */
export function asked(document: DocumentNode, selections: SelectionSetNode): Asked {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of document.definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
  }
  const known = new Map<string, Asked>();
  const spread = (name: string): Asked => {
    const before = known.get(name);
    if (before) return before;
    // A cycle ends here; another rule refuses it.
    known.set(name, NOTHING);
    const fragment = fragments.get(name);
    const result = fragment ? walk(fragment.selectionSet) : NOTHING;
    known.set(name, result);
    return result;
  };
  const walk = ({ selections }: SelectionSetNode): Asked => {
    const sum = { ...NOTHING };
    for (const node of selections) {
      if (node.kind === Kind.FRAGMENT_SPREAD) add(sum, spread(node.name.value));
      else if (node.selectionSet) add(sum, walk(node.selectionSet));
      if (node.kind !== Kind.FIELD) continue;
      sum.fields++;
      if (node.name.value === 'infer') sum.infer++;
      if (node.name.value === 'data') sum.data++;
    }
    return sum;
  };
  return walk(selections);
}

const NOTHING: Asked = { fields: 0, infer: 0, data: 0 };

function add(sum: Asked, more: Asked): void {
  sum.fields += more.fields;
  sum.infer += more.infer;
  sum.data += more.data;
}

/** @throws RequestError INVALID_REQUEST */
export function checkLimits(document: DocumentNode): void {
  let selections = 0;
  visit(document, {
    SelectionSet(node) {
      selections += node.selections.length;
    },
  });
  if (selections > MOST_SELECTIONS) {
    throw refused(`the document has ${selections} fields and fragments; at most ${MOST_SELECTIONS} are read`);
  }
  for (const node of document.definitions) {
    if (node.kind !== Kind.OPERATION_DEFINITION) continue;
    if (node.operation !== 'query') throw refused(`there is no ${node.operation} here; only queries`);
    const counted = asked(document, node.selectionSet);
    for (const what of ['fields', 'infer', 'data'] as const) {
      if (counted[what] <= MOST[what]) continue;
      const name = what === 'fields' ? 'fields' : `fields '${what}'`;
      throw refused(
        `an operation asks for ${counted[what]} ${name}, fragments written out; at most ${MOST[what]} are answered`,
      );
    }
  }
}

function refused(message: string): RequestError {
  return new RequestError('INVALID_REQUEST', message);
}
