import type { Position } from '../ast.ts';

export const nowhere: Position = { offset: 0, line: 1, column: 1 };

/** The same tree with all positions alike, to compare what different texts mean. */
export function stripPositions<Node>(node: Node): Node {
  if (Array.isArray(node)) return node.map(stripPositions) as Node;
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, key === 'pos' ? nowhere : stripPositions(value)]),
  ) as Node;
}
