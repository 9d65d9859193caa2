import type { ServiceEdge, ServiceNode } from '../../traceql/service-graph.ts';

export type { NodeKind } from '../../traceql/service-graph.ts';

/** Requests a second over the range asked for. */
interface Rated {
  readonly rate: number;
}

export type ServiceNodeJson = ServiceNode & Rated;
export type ServiceEdgeJson = ServiceEdge & Rated;

/** `GET /api/service-graph` */
export interface ServiceGraphAnswer {
  /** By calls, most first. */
  readonly nodes: readonly ServiceNodeJson[];
  readonly edges: readonly ServiceEdgeJson[];
  readonly nodesLeftOut: number;
  readonly metrics: {
    readonly inspectedTraces: number;
    readonly inspectedSpans: number;
    readonly inspectedBytes: number;
    readonly requests: number;
    readonly totalBlocks: number;
  };
}
