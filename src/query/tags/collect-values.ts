import type { AttributeRef, Query } from '../../traceql/ast.ts';
import type { TimeRange } from '../../traceql/result.ts';
import type { Fragment } from '../../traceql/storage.ts';
import { Cell, type Layer, type Part, Reads, resolve, type Source } from '../expression/index.ts';
import { type Matches, matchingSpans, type TagContext, visitLevelRows } from './matching.ts';
import type { ValueSet } from './value-set.ts';

/** Adds the values of an attribute: of whole dictionaries, or those that matching spans have. */
export async function collectValues(
  fragment: Fragment,
  ref: AttributeRef,
  range: TimeRange,
  filter: Query | undefined,
  values: ValueSet,
  context: TagContext,
): Promise<void> {
  const source = resolve(ref, fragment);
  if (source.length === 0) return;
  const isListed = source.every((layer) => layer.parts.every((part) => part.shape === 'column'));
  if (filter === undefined && isListed) {
    await addDictionaries(fragment, source, values, context);
    // Messages are rarely set, and an unset one reads as the empty string.
    const isMessage = ref.kind === 'intrinsic' && ref.intrinsic === 'span:statusMessage';
    if (isMessage && fragment.spanCount > 0) values.add('string', '');
    return;
  }
  const used = new UsedCodes(fragment, source, values);
  const request = new Reads().addSource(source).request();
  for await (const matches of matchingSpans(fragment, range, filter, request, context)) {
    used.add(matches);
    if (values.isFull) return;
  }
  used.addTo(values);
}

async function addDictionaries(
  fragment: Fragment,
  source: Source,
  values: ValueSet,
  { cost, signal }: TagContext,
): Promise<void> {
  await fragment.loadTraces(cost, signal);
  const request = { ...new Reads().addSource(source).request(), dictionariesOnly: true };
  await fragment.load(request, 0, fragment.traceCount, cost, signal);
  for (const layer of source) {
    for (const part of layer.parts) if (part.shape === 'column') values.addDictionary(part.column);
  }
}

/** Notes which codes of each column occur; numbers are added at once. */
class UsedCodes {
  readonly #fragment: Fragment;
  readonly #values: ValueSet;
  readonly #parts: readonly { readonly layer: Layer; readonly part: Part; used: Uint8Array }[];

  constructor(fragment: Fragment, source: Source, values: ValueSet) {
    this.#fragment = fragment;
    this.#values = values;
    this.#parts = source.flatMap((layer) => layer.parts.map((part) => ({ layer, part, used: new Uint8Array(0) })));
  }

  add(matches: Matches): void {
    for (const entry of this.#parts) {
      const { layer, part } = entry;
      if (part.shape === 'column') {
        if (entry.used.length === 0) entry.used = new Uint8Array(part.column.dictionary.size + 1);
        const { used } = entry;
        const { codes } = part.column;
        visitLevelRows(this.#fragment, layer.level, matches, (row) => {
          used[codes[row]!] = 1;
          return true;
        });
      } else if (part.shape === 'number') {
        const { array, offset } = part.rows(matches.range);
        const cell = new Cell();
        visitLevelRows(this.#fragment, layer.level, matches, (row) => {
          cell.setNumber(part.type, array[row - offset]!);
          this.#values.addValue(cell);
          return !this.#values.isFull;
        });
      }
    }
  }

  addTo(values: ValueSet): void {
    for (const { part, used } of this.#parts) {
      if (part.shape !== 'column' || used.length === 0) continue;
      if (used[0] !== 0 && part.emptyWhenMissing) values.add('string', '');
      values.addDictionary(part.column, used);
    }
  }
}
