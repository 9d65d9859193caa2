/**
 * The critical path: at every moment of a root span, the one span that had to be faster for the whole to be. Backwards
 * from the end of a span, time belongs to the child that ended last before that moment, up to its start, and to the span
 * itself where there is none. A child that still ran when a critical one started has delayed nobody and is passed over.
 */
import type { SpanNode } from './trace-tree.ts';

export interface Stretch {
  /** ns since the trace's start. */
  readonly from: number;
  readonly to: number;
}

/** Of each span on the path the stretches of time that are its own, latest first. */
export function criticalPath(root: SpanNode): Map<SpanNode, Stretch[]> {
  const path = new Map<SpanNode, Stretch[]>();
  const open = [{ node: root, since: root.start, until: root.end }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    // A span that reaches beyond its parent counts within it.
    const { node, since, until } = next;
    const own: Stretch[] = [];
    let cursor = until;
    for (const child of node.children.toSorted((a, b) => b.end - a.end)) {
      const end = Math.min(child.end, until);
      if (end > cursor || end <= since || child.start >= cursor) continue;
      if (end < cursor) own.push({ from: end, to: cursor });
      cursor = Math.max(child.start, since);
      open.push({ node: child, since: cursor, until: end });
    }
    if (since < cursor) own.push({ from: since, to: cursor });
    path.set(node, own);
  }
  return path;
}
