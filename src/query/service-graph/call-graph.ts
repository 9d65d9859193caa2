/** Nodes and edges with what was counted at them: of one fragment, or of several put together. */

import type {
  NodeKind,
  RequestSummary,
  ServiceEdge,
  ServiceGraphResult,
  ServiceNode,
} from '../../traceql/service-graph.ts';
import { compareStrings } from '../expression/index.ts';
import type { Inspected } from '../metrics/partial.ts';
import type { MemoryBudget } from '../work.ts';
import { RequestStats } from './request-stats.ts';

/** Memory of a node or an edge beside its counts, about. */
const entryBytes = 400;

export interface CallNode {
  readonly id: string;
  readonly kind: NodeKind;
  readonly name: string;
  readonly system: string;
  readonly stats: RequestStats;
  readonly calls: Map<CallNode, RequestStats>;
}

/** The same text for the same node, whatever fragment it was found in. */
const idOf = (kind: NodeKind, system: string, name: string): string => `${kind}/${encodeURIComponent(system)}/${name}`;

export class CallGraph {
  readonly #nodes = new Map<string, CallNode>();
  readonly #budget: MemoryBudget | undefined;
  inspected: Inspected = { traces: 0, spans: 0 };

  /** `budget`: what nodes and edges are charged to. */
  constructor(budget?: MemoryBudget) {
    this.#budget = budget;
  }

  node(kind: NodeKind, name: string, system: string): CallNode {
    const id = idOf(kind, system, name);
    let node = this.#nodes.get(id);
    if (node === undefined) {
      this.#budget?.charge(entryBytes);
      node = { id, kind, name, system, stats: new RequestStats(), calls: new Map() };
      this.#nodes.set(id, node);
    }
    return node;
  }

  edge(from: CallNode, to: CallNode): RequestStats {
    let stats = from.calls.get(to);
    if (stats === undefined) {
      this.#budget?.charge(entryBytes);
      from.calls.set(to, (stats = new RequestStats()));
    }
    return stats;
  }

  /** Adds what another graph counted. */
  merge(other: CallGraph): void {
    this.#merge(other, ({ kind, name, system }) => this.node(kind, name, system));
    this.inspected = {
      traces: this.inspected.traces + other.inspected.traces,
      spans: this.inspected.spans + other.inspected.spans,
    };
  }

  /**
   * The graph in which peers known by the name of a service are that service: its own spans for those calls are missing
   * (sampled away, lost, or not yet here). The callers' view of them counts for the edge, not for the service.
   */
  withPeersResolved(): CallGraph {
    const resolved = new CallGraph(this.#budget);
    resolved.inspected = this.inspected;
    resolved.#merge(this, ({ kind, name, system }) => {
      const isService = kind === 'service' || this.#nodes.has(idOf('service', '', name));
      return isService ? resolved.node('service', name, '') : resolved.node(kind, name, system);
    });
    return resolved;
  }

  #merge(other: CallGraph, nodeFor: (node: CallNode) => CallNode): void {
    for (const node of other.#nodes.values()) {
      const own = nodeFor(node);
      if (own.kind === node.kind) own.stats.merge(node.stats);
      for (const [to, stats] of node.calls) this.edge(own, nodeFor(to)).merge(stats);
    }
  }

  get bytes(): number {
    let bytes = 0;
    for (const node of this.#nodes.values()) {
      bytes += entryBytes + node.stats.bytes;
      for (const stats of node.calls.values()) bytes += entryBytes + stats.bytes;
    }
    return bytes;
  }

  /** The busiest nodes and the edges between them. */
  summary(nodesMax: number): Omit<ServiceGraphResult, 'cost'> {
    const all = [...this.#nodes.values()].sort((a, b) => weight(b) - weight(a) || compareStrings(a.id, b.id));
    const shown = new Set(all.slice(0, nodesMax));
    const nodes: ServiceNode[] = [];
    const edges: ServiceEdge[] = [];
    for (const node of shown) {
      const { id, kind, name, system } = node;
      nodes.push({ id, kind, name, system, ...summaryOf(node.stats) });
      for (const [to, stats] of node.calls) if (shown.has(to)) edges.push({ from: id, to: to.id, ...summaryOf(stats) });
    }
    edges.sort((a, b) => b.calls - a.calls || compareStrings(a.from, b.from) || compareStrings(a.to, b.to));
    return { nodes, edges, nodesLeftOut: all.length - nodes.length };
  }
}

/** Requests that a node took or, if it took none, made. */
function weight({ stats, calls }: CallNode): number {
  if (stats.calls > 0) return stats.calls;
  let made = 0;
  for (const edge of calls.values()) made += edge.calls;
  return made;
}

function summaryOf(stats: RequestStats): RequestSummary {
  return {
    calls: stats.calls,
    errors: stats.errors,
    p50Nano: stats.quantileNano(0.5),
    p95Nano: stats.quantileNano(0.95),
  };
}
