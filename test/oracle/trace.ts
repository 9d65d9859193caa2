/** A trace of the oracle: plain spans with links between objects, in the order that fragments promise. */
import type { PlainSpan } from '../../src/model/plain-span.ts';

export interface Node {
  readonly span: PlainSpan;
  readonly trace: Trace;
  parent: Node | undefined;
  readonly children: Node[];
  /** 0 when the root above it is missing. */
  left: number;
  right: number;
}

export interface Trace {
  readonly id: string;
  /** Depth first. */
  readonly nodes: Node[];
  readonly start: bigint;
  readonly end: bigint;
  readonly root: PlainSpan | undefined;
}

/** A span that ends before it starts has no duration. */
export const durationOf = (span: PlainSpan): bigint => {
  const nano = span.endTimeUnixNano - span.startTimeUnixNano;
  return nano > 0n ? nano : 0n;
};
const endOf = (span: PlainSpan): bigint => span.startTimeUnixNano + durationOf(span);

const before = (a: Node, b: Node): number => {
  if (a.span.startTimeUnixNano !== b.span.startTimeUnixNano)
    return a.span.startTimeUnixNano < b.span.startTimeUnixNano ? -1 : 1;
  return a.span.spanId < b.span.spanId ? -1 : 1;
};

/** Span ids must be distinct within a trace, and parents free of cycles. */
export function tracesOf(spans: readonly PlainSpan[]): Trace[] {
  const byId = new Map<string, PlainSpan[]>();
  for (const span of spans) byId.set(span.traceId, [...(byId.get(span.traceId) ?? []), span]);
  return [...byId].map(([id, own]) => traceOf(id, own));
}

function traceOf(id: string, spans: readonly PlainSpan[]): Trace {
  const starts = spans.map((span) => span.startTimeUnixNano).sort((a, b) => (a < b ? -1 : 1));
  const ends = spans.map(endOf).sort((a, b) => (a < b ? 1 : -1));
  const nodes: Node[] = [];
  const roots = spans
    .filter((span) => span.parentSpanId === '')
    .sort((a, b) =>
      a.startTimeUnixNano !== b.startTimeUnixNano
        ? a.startTimeUnixNano < b.startTimeUnixNano
          ? -1
          : 1
        : a.spanId < b.spanId
          ? -1
          : 1,
    );
  const trace: Trace = { id, nodes, start: starts[0]!, end: ends[0]!, root: roots.at(-1) };
  const all = spans.map((span): Node => ({ span, trace, parent: undefined, children: [], left: 0, right: 0 }));
  const bySpanId = new Map(all.map((node) => [node.span.spanId, node]));
  for (const node of all) {
    node.parent = bySpanId.get(node.span.parentSpanId);
    node.parent?.children.push(node);
  }
  let counter = 0;
  const visit = (node: Node, numbered: boolean): void => {
    nodes.push(node);
    if (numbered) node.left = ++counter;
    for (const child of node.children.sort(before)) visit(child, numbered);
    if (numbered) node.right = ++counter;
  };
  const tops = all.filter((node) => node.parent === undefined).sort(before);
  for (const top of tops) if (top.span.parentSpanId === '') visit(top, true);
  for (const top of tops) if (top.span.parentSpanId !== '') visit(top, false);
  return trace;
}
