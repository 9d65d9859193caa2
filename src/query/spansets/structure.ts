/**
 * Structural operators on masks. Spans stand depth first and a subtree is the run [row, row + subtreeSize), so that each
 * relation is one sweep over the rows, whatever the shape of the traces:
 *
 *   b is below an a   when a run of an earlier a has not ended yet
 *   b is above an a   when the next a begins before b's run ends
 *
 * When traces are divided into several sets, both sides must be in the same set: what a sweep remembers is kept per set.
 */
import type { FixedColumn, Fragment } from '../../traceql/storage.ts';
import type { TraceRange } from '../expression/range.ts';

export type Relation = '>' | '>>' | '<' | '<<' | '~';

/** The relation with exchanged sides. */
export const inverse: Readonly<Record<Relation, Relation>> = { '>': '<', '>>': '<<', '<': '>', '<<': '>>', '~': '~' };

export const structureColumns: readonly FixedColumn[] = ['parent', 'subtreeSize'];

/** Spans as positions; the arrays are those of the fragment, `sets` is by row of the range. */
export interface Shape {
  readonly fragment: Fragment;
  readonly range: TraceRange;
  /** Set of each row, and how many sets there are; undefined when sets are whole traces. */
  readonly sets: { readonly of: Uint32Array; readonly count: number } | undefined;
}

/** Writes into `out` the rows of `b` that stand in the relation to some row of `a`: for `>`, b's parent is an a. */
export function relate(relation: Relation, a: Uint8Array, b: Uint8Array, shape: Shape, out: Uint8Array): void {
  switch (relation) {
    case '>':
      relateChildren(a, b, shape, out);
      return;
    case '<':
      relateParents(a, b, shape, out);
      return;
    case '>>':
      relateDescendants(a, b, shape, out);
      return;
    case '<<':
      relateAncestors(a, b, shape, out);
      return;
    case '~':
      if (shape.sets === undefined) relateSiblings(a, b, shape, out);
      else relateSiblingsInSets(a, b, shape, shape.sets, out);
  }
}

function relateChildren(a: Uint8Array, b: Uint8Array, { fragment, range, sets }: Shape, out: Uint8Array): void {
  const { parent } = fragment;
  const { firstRow } = range;
  const of = sets?.of;
  for (let i = 0; i < b.length; i++) {
    out[i] = 0;
    if (b[i] === 0) continue;
    const above = parent[firstRow + i]! - firstRow;
    if (above >= 0 && a[above] !== 0 && (of === undefined || of[above] === of[i])) out[i] = 1;
  }
}

function relateParents(a: Uint8Array, b: Uint8Array, { fragment, range, sets }: Shape, out: Uint8Array): void {
  const { parent } = fragment;
  const { firstRow } = range;
  const of = sets?.of;
  out.fill(0);
  for (let i = 0; i < a.length; i++) {
    if (a[i] === 0) continue;
    const above = parent[firstRow + i]! - firstRow;
    if (above >= 0 && b[above] !== 0 && (of === undefined || of[above] === of[i])) out[above] = 1;
  }
}

function relateDescendants(a: Uint8Array, b: Uint8Array, { fragment, range, sets }: Shape, out: Uint8Array): void {
  const { subtreeSize } = fragment;
  const { firstRow } = range;
  if (sets === undefined) {
    let end = 0;
    for (let i = 0; i < b.length; i++) {
      out[i] = b[i] !== 0 && i < end ? 1 : 0;
      if (a[i] !== 0) end = Math.max(end, i + subtreeSize[firstRow + i]!);
    }
    return;
  }
  const ends = new Uint32Array(sets.count);
  for (let i = 0; i < b.length; i++) {
    const set = sets.of[i]!;
    out[i] = b[i] !== 0 && i < ends[set]! ? 1 : 0;
    if (a[i] !== 0) ends[set] = Math.max(ends[set]!, i + subtreeSize[firstRow + i]!);
  }
}

function relateAncestors(a: Uint8Array, b: Uint8Array, { fragment, range, sets }: Shape, out: Uint8Array): void {
  const { subtreeSize } = fragment;
  const { firstRow } = range;
  if (sets === undefined) {
    let next = Number.POSITIVE_INFINITY;
    for (let i = b.length - 1; i >= 0; i--) {
      out[i] = b[i] !== 0 && next < i + subtreeSize[firstRow + i]! ? 1 : 0;
      if (a[i] !== 0) next = i;
    }
    return;
  }
  const nexts = new Uint32Array(sets.count).fill(0xffffffff);
  for (let i = b.length - 1; i >= 0; i--) {
    const set = sets.of[i]!;
    out[i] = b[i] !== 0 && nexts[set]! < i + subtreeSize[firstRow + i]! ? 1 : 0;
    if (a[i] !== 0) nexts[set] = i;
  }
}

/** A span is no sibling of itself. */
function relateSiblings(a: Uint8Array, b: Uint8Array, { fragment, range }: Shape, out: Uint8Array): void {
  const { parent } = fragment;
  const { firstRow } = range;
  const count = new Uint32Array(a.length);
  for (let i = 0; i < a.length; i++) {
    const above = parent[firstRow + i]! - firstRow;
    if (a[i] !== 0 && above >= 0) count[above]!++;
  }
  for (let i = 0; i < b.length; i++) {
    const above = parent[firstRow + i]! - firstRow;
    out[i] = b[i] !== 0 && above >= 0 && count[above]! > a[i]! ? 1 : 0;
  }
}

function relateSiblingsInSets(
  a: Uint8Array,
  b: Uint8Array,
  { fragment, range }: Shape,
  sets: { readonly of: Uint32Array; readonly count: number },
  out: Uint8Array,
): void {
  const { parent } = fragment;
  const { firstRow } = range;
  const count = new Map<number, number>();
  const family = (i: number): number => {
    const above = parent[firstRow + i]! - firstRow;
    return above < 0 ? -1 : above * sets.count + sets.of[i]!;
  };
  for (let i = 0; i < a.length; i++) if (a[i] !== 0) count.set(family(i), (count.get(family(i)) ?? 0) + 1);
  for (let i = 0; i < b.length; i++) {
    const key = family(i);
    out[i] = b[i] !== 0 && key >= 0 && (count.get(key) ?? 0) > a[i]! ? 1 : 0;
  }
}
