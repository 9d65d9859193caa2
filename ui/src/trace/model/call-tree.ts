/**
 * Spans with the same line of operations above them as one node: what the flame graph draws, and what two traces are
 * compared by. A node is as wide as the self time in it and below, so that children that ran at the same time fit.
 *
 *   trace    a ─┬─ b ── c        call tree    a ×1 ─┬─ b ×2 ── c ×2
 *               ├─ b ── c                           └─ d ×1
 *               └─ d
 */
import type { OperationJson } from '../../../../src/api/contract/index.ts';
import { statusError, type Trace } from './trace.ts';

export interface CallNode {
  readonly operation: OperationJson;
  readonly parent: number;
  readonly depth: number;
  count: number;
  errors: number;
  /** Sum of durations, ns. */
  total: number;
  self: number;
  /** Self time of the node and everything below it. */
  weight: number;
  /** The longest of its spans. */
  longest: number;
  readonly children: number[];
}

/** Nodes in the order of their first spans: parents stand before children. */
export function callTree(trace: Trace, self: Float64Array): CallNode[] {
  const { operation, parent, duration, status, operations } = trace;
  // Kind does not tell operations apart here: a client's span and its server's differ in depth anyway.
  const names = new Map<string, number>();
  const nameOf = operations.map(({ service, name }) => {
    const key = `${service}\0${name}`;
    let code = names.get(key);
    if (code === undefined) names.set(key, (code = names.size));
    return code;
  });
  const nodes: CallNode[] = [];
  const nodeOfRow = new Int32Array(trace.spans);
  const known = new Map<number, number>();
  for (let row = 0; row < trace.spans; row++) {
    const above = parent[row]! < 0 ? -1 : nodeOfRow[parent[row]!]!;
    const key = (above + 1) * names.size + nameOf[operation[row]!]!;
    let index = known.get(key);
    if (index === undefined) {
      index =
        nodes.push({
          operation: operations[operation[row]!]!,
          parent: above,
          depth: above === -1 ? 0 : nodes[above]!.depth + 1,
          count: 0,
          errors: 0,
          total: 0,
          self: 0,
          weight: 0,
          longest: row,
          children: [],
        }) - 1;
      known.set(key, index);
      if (above !== -1) nodes[above]!.children.push(index);
    }
    nodeOfRow[row] = index;
    const node = nodes[index]!;
    node.count++;
    node.total += duration[row]!;
    node.self += self[row]!;
    if (status[row] === statusError) node.errors++;
    if (duration[row]! > duration[node.longest]!) node.longest = row;
  }
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]!;
    node.weight += node.self;
    if (node.parent !== -1) nodes[node.parent]!.weight += node.weight;
  }
  return nodes;
}

export interface FlameBox {
  readonly node: number;
  /** Between 0 and 1. */
  readonly left: number;
  readonly width: number;
  readonly depth: number;
}

/** Boxes of a call tree below `focus` (−1: all), the heaviest child first; narrower ones than `widthMin` are left out. */
export function flameBoxes(nodes: readonly CallNode[], focus: number, widthMin: number): FlameBox[] {
  const boxes: FlameBox[] = [];
  const line: number[] = [];
  for (let at = focus; at !== -1; at = nodes[at]!.parent) line.unshift(at);
  for (const node of line) boxes.push({ node, left: 0, width: 1, depth: nodes[node]!.depth });
  const roots = nodes.flatMap(({ parent }, i) => (parent === -1 ? [i] : []));
  const below = focus === -1 ? roots : nodes[focus]!.children;
  const total = focus === -1 ? roots.reduce((sum, i) => sum + nodes[i]!.weight, 0) : nodes[focus]!.weight;
  const place = (children: readonly number[], from: number): void => {
    let left = from;
    for (const node of children.toSorted((a, b) => nodes[b]!.weight - nodes[a]!.weight)) {
      const width = total === 0 ? 1 / children.length : nodes[node]!.weight / total;
      if (width >= widthMin) {
        boxes.push({ node, left, width, depth: nodes[node]!.depth });
        open.push({ node, left });
      }
      left += width;
    }
  };
  const open: { node: number; left: number }[] = [];
  place(below, 0);
  for (let next = open.pop(); next !== undefined; next = open.pop()) place(nodes[next.node]!.children, next.left);
  return boxes;
}
