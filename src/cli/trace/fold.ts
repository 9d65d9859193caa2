/**
 * Which spans of a large trace are shown: roots and errors first, then the critical path, then the longest; with each its
 * ancestors. What is left out under a span is folded into one row behind its shown children.
 */
import type { SpanNode, TraceTree } from './trace-tree.ts';

export interface Fold {
  readonly spans: number;
  readonly errors: number;
}

export interface FoldedTree {
  readonly shown: ReadonlySet<SpanNode>;
  /** By the parent whose descendants are folded; undefined stands for roots. */
  readonly folds: ReadonlyMap<SpanNode | undefined, Fold>;
}

/** A trace of nothing but errors still shows what else there is. */
const errorShareMax = 0.5;

export function foldTree(tree: TraceTree, critical: ReadonlyMap<SpanNode, unknown>, rowsMax: number): FoldedTree {
  const { nodes } = tree;
  if (nodes.length <= rowsMax) return { shown: new Set(nodes), folds: new Map() };
  const shown = new Set<SpanNode>();
  const byDuration = nodes.toSorted((a, b) => b.end - b.start - (a.end - a.start));
  show(tree.roots, shown, rowsMax);
  show(
    byDuration.filter((node) => node.isError),
    shown,
    rowsMax * errorShareMax,
  );
  show(
    byDuration.filter((node) => critical.has(node)),
    shown,
    rowsMax,
  );
  show(byDuration, shown, rowsMax);
  const folds = new Map<SpanNode | undefined, { spans: number; errors: number }>();
  for (const node of nodes) {
    if (shown.has(node)) continue;
    let above = node.parent;
    while (above !== undefined && !shown.has(above)) above = above.parent;
    const fold = folds.get(above) ?? { spans: 0, errors: 0 };
    fold.spans++;
    if (node.isError) fold.errors++;
    folds.set(above, fold);
  }
  return { shown, folds };
}

/** Adds nodes with their ancestors in order, as long as they fit. */
function show(nodes: readonly SpanNode[], shown: Set<SpanNode>, rowsMax: number): void {
  for (const node of nodes) {
    if (shown.size >= rowsMax) return;
    const line: SpanNode[] = [];
    for (let at: SpanNode | undefined = node; at !== undefined && !shown.has(at); at = at.parent) {
      line.push(at);
      if (shown.size + line.length > rowsMax) break;
    }
    if (shown.size + line.length > rowsMax) continue;
    for (const each of line) shown.add(each);
  }
}
