/**
 * Which rows the chart shows, from top to bottom, as one Int32Array:
 *
 *   row ≥ 0        a span
 *   −1             the place of parents that are missing; the orphans stand below it
 *   −2 − fold      repeated siblings as one row, by index into `folds`
 *
 * Collapsing is arithmetic: a collapsed row is followed by the row behind its subtree. Making the list of a million rows
 * takes milliseconds, so it is made anew at every change and nothing is kept up to date.
 */
import { missingParent, statusError, type Trace } from './trace.ts';

export const missingParentsRow = -1;

export interface Fold {
  /** Rows [first, first + count): leaves of one parent with the same operation, one after the other. */
  readonly first: number;
  readonly count: number;
  readonly startNano: number;
  readonly endNano: number;
  /** Of all durations. */
  readonly totalNano: number;
  readonly errors: number;
}

/** Fewer siblings are shown one by one. */
const foldRowsMin = 5;

export function findFolds(trace: Trace): Fold[] {
  const { parent, subtree, operation, start, duration, status } = trace;
  const folds: Fold[] = [];
  for (let row = 0; row < trace.spans; ) {
    let end = row + 1;
    if (subtree[row] === 1 && parent[row]! >= 0) {
      while (
        end < trace.spans &&
        subtree[end] === 1 &&
        parent[end] === parent[row] &&
        operation[end] === operation[row]
      )
        end++;
    }
    if (end - row >= foldRowsMin) {
      let endNano = 0;
      let totalNano = 0;
      let errors = 0;
      for (let at = row; at < end; at++) {
        endNano = Math.max(endNano, start[at]! + duration[at]!);
        totalNano += duration[at]!;
        if (status[at] === statusError) errors++;
      }
      folds.push({ first: row, count: end - row, startNano: start[row]!, endNano, totalNano, errors });
    }
    row = end;
  }
  return folds;
}

export interface Shown {
  readonly trace: Trace;
  /** By first row, ascending. */
  readonly folds: readonly Fold[];
  /** By fold: 1 when its rows are shown one by one. */
  readonly unfolded: Uint8Array;
  /** By row. */
  readonly collapsed: Uint8Array;
  readonly orphansCollapsed: boolean;
  /** By row, 1 for what is shown when only matches are: a match or above one. */
  readonly kept?: Uint8Array | undefined;
}

export function visibleRows(shown: Shown): Int32Array<ArrayBuffer> {
  const { trace, folds, unfolded, collapsed, orphansCollapsed, kept } = shown;
  const { subtree, parent, spans } = trace;
  const out = new Int32Array(spans + 1);
  let length = 0;
  let fold = 0;
  let inOrphans = false;
  for (let row = 0; row < spans; ) {
    if (kept !== undefined && kept[row] === 0) {
      row += subtree[row]!;
      continue;
    }
    if (parent[row]! < 0) {
      const orphan = parent[row] === missingParent;
      if (orphan && !inOrphans) out[length++] = missingParentsRow;
      inOrphans = orphan;
      if (orphan && orphansCollapsed) {
        row += subtree[row]!;
        continue;
      }
    }
    if (kept === undefined) {
      while (fold < folds.length && folds[fold]!.first < row) fold++;
      if (fold < folds.length && folds[fold]!.first === row && unfolded[fold] === 0) {
        out[length++] = -2 - fold;
        row += folds[fold]!.count;
        continue;
      }
    }
    out[length++] = row;
    row += collapsed[row] === 1 ? subtree[row]! : 1;
  }
  return out.slice(0, length);
}

/** Matches and everything above them. */
export function keptRows(trace: Trace, matches: Uint8Array): Uint8Array {
  const kept = Uint8Array.from(matches);
  for (let row = trace.spans - 1; row >= 0; row--) {
    const above = trace.parent[row]!;
    if (kept[row] === 1 && above >= 0) kept[above] = 1;
  }
  return kept;
}

/** Index of the fold that hides this row, whether unfolded or not; −1 for none. */
export function foldOf(folds: readonly Fold[], row: number): number {
  let low = 0;
  let high = folds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (folds[middle]!.first <= row) low = middle + 1;
    else high = middle;
  }
  const fold = folds[low - 1];
  return fold !== undefined && row < fold.first + fold.count ? low - 1 : -1;
}

/** Where a span stands in a list of visible rows; −1 when it is hidden. */
export function indexOfRow(rows: Int32Array, row: number): number {
  return row < 0 ? -1 : rows.indexOf(row);
}

/** Collapses everything from this depth on. */
export function collapseBelow(trace: Trace, depth: number): Uint8Array {
  const collapsed = new Uint8Array(trace.spans);
  for (let row = 0; row < trace.spans; row++)
    if (trace.depth[row]! >= depth && trace.subtree[row]! > 1) collapsed[row] = 1;
  return collapsed;
}
