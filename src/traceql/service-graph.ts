/** Which services call which: what is asked and answered. Shared by the engine, the routes and the web UI. */
import type { Pipeline } from './ast.ts';
import type { QueryCost, TimeRange } from './result.ts';

/**
 * `service`: sent spans itself. The others are known only from the spans of their callers: `database`, `messaging` (a
 * topic or queue), `external` (anything else that was called by name).
 */
export const NodeKinds = ['service', 'database', 'messaging', 'external'] as const;
export type NodeKind = (typeof NodeKinds)[number];

export interface ServiceGraphRequest {
  readonly tenant: string;
  /** Both ends inclusive. */
  readonly range: TimeRange;
  /** Only requests whose span this lets through: the callee's, or the caller's where the callee sent none. */
  readonly filter: Pipeline | undefined;
  /** Nodes in the answer; those with the fewest requests are left out, and the edges at them. */
  readonly nodesMax: number;
}

/** Requests that a node took, or that went along an edge. */
export interface RequestSummary {
  readonly calls: number;
  /** Of `calls`; on an edge those that failed for the caller or for the callee. */
  readonly errors: number;
  /** Durations in ns, good to an eighth. On an edge as the caller saw them where it has a span of its own for the call. */
  readonly p50Nano: number;
  readonly p95Nano: number;
}

export interface ServiceNode extends RequestSummary {
  /** Unlike every other node's; the same in every answer. */
  readonly id: string;
  readonly kind: NodeKind;
  /** Empty for spans without a `service.name`. */
  readonly name: string;
  /** For example `postgresql` or `kafka`; empty when unknown, and for services. */
  readonly system: string;
}

export interface ServiceEdge extends RequestSummary {
  /** Ids of nodes; equal when a service calls itself. */
  readonly from: string;
  readonly to: string;
}

export interface ServiceGraphResult {
  /** By calls, most first. */
  readonly nodes: readonly ServiceNode[];
  readonly edges: readonly ServiceEdge[];
  readonly nodesLeftOut: number;
  readonly cost: QueryCost;
}
