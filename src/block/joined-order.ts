/**
 * The order of a trace's spans when they lie in several fragments. Rows of all pieces are numbered one piece after the
 * other; ids, starts and kinds are all that is looked at.
 *
 *   piece A: rows 0 1 2     piece B: rows 3 4          in order: 0 3 1 4 2
 *
 * Spans that may be the same one, sent twice, are not told apart here: that takes everything else about them.
 */
import { compareWords } from './order.ts';
import { sortByKey, sortScratch, sortTies } from './sort.ts';
import { TraceTree } from './trace-tree.ts';

/** Spans of all pieces, one piece after the other. */
export interface UnorderedSpans {
  /** 2 words each; a parent's are 0 when there is none. */
  readonly spanId: Uint32Array;
  readonly parentId: Uint32Array;
  readonly kindStatus: Uint8Array;
  /** ns since a base that all pieces share. */
  readonly start: Float64Array;
}

export interface JoinedOrder {
  /** By place in order: which row it is. */
  readonly rows: Uint32Array;
  /** By row: its place in order. */
  readonly places: Uint32Array;
  readonly start: Float64Array;
  readonly parent: Int32Array;
  readonly subtreeSize: Uint32Array;
  /** The last span without parent id, or -1. */
  readonly root: number;
}

/** Undefined when two spans agree in id and start. */
export function orderPieces(spans: UnorderedSpans): JoinedOrder | undefined {
  const { spanId } = spans;
  const length = spans.start.length;
  const byStart = new Uint32Array(length);
  for (let row = 0; row < length; row++) byStart[row] = row;
  const keys = spans.start.slice();
  const range = { from: 0, to: length };
  sortByKey(byStart, keys, range, sortScratch(length));
  sortTies(byStart, keys, range, (a, b) => compareWords(spanId, a, b, 2));
  for (let i = 1; i < length; i++)
    if (keys[i] === keys[i - 1] && compareWords(spanId, byStart[i]!, byStart[i - 1]!, 2) === 0) return undefined;
  const placed = {
    rows: new Uint32Array(length),
    start: new Float64Array(length),
    parent: new Int32Array(length),
    subtreeSize: new Uint32Array(length),
  };
  const root = new TraceTree(spans, length, placed).place(byStart, keys, 0, length, 0);
  const places = new Uint32Array(length);
  for (let place = 0; place < length; place++) places[placed.rows[place]!] = place;
  return { ...placed, places, root };
}

/** Events or links of all pieces, numbered one piece after the other, in the order of their spans. */
export interface JoinedChildren {
  readonly rows: Uint32Array;
  readonly places: Uint32Array;
  /** By place: where its span is in order. */
  readonly span: Uint32Array;
}

/** `owner`: row of each child's span, those of one span together and in their order. */
export function orderChildren(owner: Uint32Array, order: JoinedOrder): JoinedChildren {
  const rows = new Uint32Array(owner.length);
  const places = new Uint32Array(owner.length);
  const span = new Uint32Array(owner.length);
  if (owner.length === 0) return { rows, places, span };
  const next = new Uint32Array(order.rows.length + 1);
  for (let row = 0; row < owner.length; row++) next[order.places[owner[row]!]! + 1]!++;
  for (let place = 1; place < next.length; place++) next[place]! += next[place - 1]!;
  for (let row = 0; row < owner.length; row++) {
    const spanPlace = order.places[owner[row]!]!;
    const place = next[spanPlace]!++;
    rows[place] = row;
    places[row] = place;
    span[place] = spanPlace;
  }
  return { rows, places, span };
}
