/** Plain spans as a forest in the order of time. Works on whatever was received: parents missing, twice, or in a ring. */
import type { PlainSpan } from '../../model/plain-span.ts';

export interface SpanNode {
  readonly span: PlainSpan;
  readonly service: string;
  /** ns since the trace's earliest start. */
  readonly start: number;
  readonly end: number;
  readonly isError: boolean;
  /** Names a parent that was not received. */
  readonly isOrphan: boolean;
  readonly parent: SpanNode | undefined;
  readonly children: readonly SpanNode[];
}

export interface TraceTree {
  readonly startUnixNano: bigint;
  readonly durationNano: number;
  readonly roots: readonly SpanNode[];
  /** Depth-first, siblings by start. */
  readonly nodes: readonly SpanNode[];
}

interface OpenNode extends SpanNode {
  parent: OpenNode | undefined;
  isOrphan: boolean;
  readonly children: OpenNode[];
}

/** `spans` is not empty. */
export function traceTree(spans: readonly PlainSpan[]): TraceTree {
  let startUnixNano = spans[0]!.startTimeUnixNano;
  for (const span of spans) if (span.startTimeUnixNano < startUnixNano) startUnixNano = span.startTimeUnixNano;
  const nodes = spans.map((span) => nodeOf(span, startUnixNano));
  const byId = new Map<string, OpenNode[]>();
  for (const node of nodes) {
    const same = byId.get(node.span.spanId);
    if (same === undefined) byId.set(node.span.spanId, [node]);
    else same.push(node);
  }
  for (const node of nodes) {
    const { parentSpanId } = node.span;
    if (parentSpanId === '') continue;
    const candidates = byId.get(parentSpanId)?.filter((other) => other !== node) ?? [];
    // An id that a client and a server share, as Zipkin's do: the server is the one that goes on.
    node.parent = candidates.find((other) => other.span.kind === 2) ?? candidates[0];
    node.isOrphan = node.parent === undefined;
  }
  for (const node of nodes) breakRing(node);
  for (const node of nodes) node.parent?.children.push(node);
  for (const node of nodes) node.children.sort(byStart);
  const roots = nodes.filter((node) => node.parent === undefined).sort(byStart);
  return {
    startUnixNano,
    durationNano: nodes.reduce((max, node) => Math.max(max, node.end), 0),
    roots,
    nodes: depthFirst(roots),
  };
}

function nodeOf(span: PlainSpan, base: bigint): OpenNode {
  const service = span.resource.attributes.find(({ key }) => key === 'service.name')?.value;
  const start = Number(span.startTimeUnixNano - base);
  return {
    span,
    service: service?.type === 'string' ? service.value : '',
    start,
    end: Math.max(start, Number(span.endTimeUnixNano - base)),
    isError: span.statusCode === 2,
    isOrphan: false,
    parent: undefined,
    children: [],
  };
}

const byStart = (a: SpanNode, b: SpanNode): number =>
  a.start - b.start || b.end - a.end || (a.span.spanId < b.span.spanId ? -1 : 1);

/** Cuts a ring of parents at this node. Two pointers, one twice as fast, meet if and only if there is one. */
function breakRing(node: OpenNode): void {
  let slow: OpenNode | undefined = node;
  let fast: OpenNode | undefined = node.parent;
  while (fast !== undefined && fast !== slow) {
    slow = slow?.parent;
    fast = fast.parent?.parent;
  }
  if (fast === undefined) return;
  fast.parent = undefined;
  fast.isOrphan = true;
}

function depthFirst(roots: readonly SpanNode[]): SpanNode[] {
  const order: SpanNode[] = [];
  const open = [...roots].reverse();
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    order.push(node);
    for (let i = node.children.length - 1; i >= 0; i--) open.push(node.children[i]!);
  }
  return order;
}
