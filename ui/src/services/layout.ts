/**
 * Where the nodes of the graph stand: layers from left to right in the direction of calls, by dagre.
 *
 * The picture stays still between refreshes. Positions are kept by node; a node that appears is put into the layer behind
 * those that call it, at the nearest free place, and nothing else moves. Only when most nodes are new is all laid out again.
 */
import { Graph, layout } from '@dagrejs/dagre';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface LaidOutEdge {
  /** What the line passes between its ends. */
  readonly points: readonly Point[];
  readonly label: Point;
}

export interface Layout {
  readonly nodes: ReadonlyMap<string, Point>;
  /** By `edgeKey`. Edges at nodes that were added later are not there: they go straight. */
  readonly edges: ReadonlyMap<string, LaidOutEdge>;
}

export interface GraphShape {
  readonly nodes: readonly string[];
  readonly edges: readonly { readonly from: string; readonly to: string; readonly calls: number }[];
}

/** Room of a node with its label, and between layers beside the labels of edges. */
export const nodeBox = { width: 112, height: 92 } as const;
const edgeLabel = { width: 76, height: 16 } as const;
const layerGap = 20;
const nodeGap = 18;
/** Distance of two layers as dagre makes it: a box, an edge's label and the gaps beside it. */
const layerStep = nodeBox.width + edgeLabel.width + layerGap;

export const edgeKey = (from: string, to: string): string => `${from}\n${to}`;

export const emptyLayout: Layout = { nodes: new Map(), edges: new Map() };

/** The known layout when it has every node, else with the new ones added, else a new one. */
export function updateLayout(shape: GraphShape, known: Layout): Layout {
  const added = shape.nodes.filter((node) => !known.nodes.has(node));
  if (added.length === 0) return known;
  if (added.length * 2 > shape.nodes.length) return freshLayout(shape);
  return addNodes(shape, added, known);
}

export function freshLayout({ nodes, edges }: GraphShape): Layout {
  const graph = new Graph();
  graph.setGraph({ rankdir: 'LR', ranksep: layerGap, nodesep: nodeGap, edgesep: 12, ranker: 'network-simplex' });
  for (const node of nodes) graph.setNode(node, { ...nodeBox });
  for (const { from, to, calls } of edges) {
    // What is called most should be straightest.
    if (from !== to) graph.setEdge(from, to, { ...edgeLabel, labelpos: 'c', weight: 1 + Math.log10(1 + calls) });
  }
  layout(graph);
  const placed = new Map(nodes.map((node) => [node, pointOf(graph.node(node))]));
  const lines = new Map<string, LaidOutEdge>();
  for (const { from, to } of edges) {
    if (from === to) continue;
    const edge = graph.edge(from, to) as { readonly points?: readonly Point[] } & Point;
    // The first and the last lie on the boxes, where our circles do not end.
    const points = (edge.points ?? []).slice(1, -1).map(pointOf);
    lines.set(edgeKey(from, to), { points, label: pointOf(edge) });
  }
  return { nodes: placed, edges: lines };
}

function pointOf({ x, y }: { readonly x?: number; readonly y?: number }): Point {
  return { x: Math.round(x ?? 0), y: Math.round(y ?? 0) };
}

function addNodes({ edges }: GraphShape, added: readonly string[], known: Layout): Layout {
  const nodes = new Map(known.nodes);
  for (const node of added) {
    const callers = edges
      .filter(({ from, to }) => to === node && from !== node)
      .flatMap(({ from }) => nodes.get(from) ?? []);
    const called = edges
      .filter(({ from, to }) => from === node && to !== node)
      .flatMap(({ to }) => nodes.get(to) ?? []);
    const neighbours = [...callers, ...called];
    const x =
      callers.length > 0
        ? Math.max(...callers.map((point) => point.x)) + layerStep
        : called.length > 0
          ? Math.min(...called.map((point) => point.x)) - layerStep
          : Math.min(...[...nodes.values()].map((point) => point.x));
    const middle = neighbours.reduce((sum, { y }) => sum + y, 0) / Math.max(1, neighbours.length);
    nodes.set(node, { x, y: freeY(x, Math.round(middle), nodes.values()) });
  }
  return { nodes, edges: known.edges };
}

/** The place nearest to `y` at `x` where a box meets no other. */
function freeY(x: number, y: number, taken: Iterable<Point>): number {
  const step = nodeBox.height + nodeGap;
  const beside = [...taken].filter((point) => Math.abs(point.x - x) < nodeBox.width);
  const isFree = (at: number): boolean => beside.every((point) => Math.abs(point.y - at) >= nodeBox.height);
  for (let distance = 0; ; distance += step / 4) {
    if (isFree(y + distance)) return y + distance;
    if (isFree(y - distance)) return y - distance;
  }
}
