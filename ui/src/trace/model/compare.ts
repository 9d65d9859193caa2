/** Two traces side by side: their call trees, aligned by the line of operations from the root. */
import type { OperationJson } from '../../../../src/api/contract/index.ts';
import type { CallNode } from './call-tree.ts';

export interface Side {
  readonly count: number;
  readonly errors: number;
  readonly total: number;
  readonly self: number;
}

export interface ComparedNode {
  readonly operation: OperationJson;
  readonly depth: number;
  /** Undefined where a trace does not have it. */
  readonly before: Side | undefined;
  readonly after: Side | undefined;
  /** after − before of the self time, ns. */
  readonly selfChange: number;
}

/** Depth first; siblings with the greater change, their own and below, first. */
export function compareTrees(before: readonly CallNode[], after: readonly CallNode[]): ComparedNode[] {
  const out: ComparedNode[] = [];
  const pair = (a: readonly number[], b: readonly number[]): Paired[] => {
    const pairs = new Map<string, { a?: CallNode; b?: CallNode }>();
    for (const i of a) entry(pairs, before[i]!).a = before[i]!;
    for (const i of b) entry(pairs, after[i]!).b = after[i]!;
    return [...pairs.values()].sort((x, y) => weightChange(y) - weightChange(x));
  };
  const open = pair(rootsOf(before), rootsOf(after)).reverse();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { a, b } = next;
    const node = (b ?? a)!;
    out.push({
      operation: node.operation,
      depth: node.depth,
      before: a,
      after: b,
      selfChange: (b?.self ?? 0) - (a?.self ?? 0),
    });
    open.push(...pair(a?.children ?? [], b?.children ?? []).reverse());
  }
  return out;
}

interface Paired {
  readonly a?: CallNode;
  readonly b?: CallNode;
}

const weightChange = ({ a, b }: Paired): number => Math.abs((b?.weight ?? 0) - (a?.weight ?? 0));

function entry(pairs: Map<string, { a?: CallNode; b?: CallNode }>, { operation }: CallNode) {
  const key = `${operation.service}\0${operation.name}`;
  let pair = pairs.get(key);
  if (pair === undefined) pairs.set(key, (pair = {}));
  return pair;
}

function rootsOf(nodes: readonly CallNode[]): number[] {
  return nodes.flatMap(({ parent }, i) => (parent === -1 ? [i] : []));
}
