/** One edge: as strong as its rate, red where calls fail, with rate and p95 at its middle. */
import type { ServiceEdgeJson, ServiceNodeJson } from '../../../src/api/contract/index.ts';
import { href } from '../app/router.ts';
import { formatPercent, formatRate } from '../format/count.ts';
import { formatDuration } from '../format/duration.ts';
import { errorShare, nameOf } from './describe.ts';
import { edgeLine, edgeWidth } from './geometry.ts';
import type { LaidOutEdge, Point } from './layout.ts';
import { edgeQuery } from './queries.ts';

export interface GraphEdgeProps {
  readonly edge: ServiceEdgeJson;
  readonly from: ServiceNodeJson;
  readonly to: ServiceNodeJson;
  readonly ends: readonly [Point, Point];
  readonly radii: readonly [number, number];
  readonly laidOut: LaidOutEdge | undefined;
  readonly rateMax: number;
  readonly labelled: boolean;
  readonly dim: boolean;
  readonly point: (event: PointerEvent | undefined) => void;
}

/** Calls that fail more often than this make the line red. */
const errorShareMin = 0.01;

export function GraphEdge(props: GraphEdgeProps) {
  const { edge, from, to, ends, radii, laidOut, rateMax, labelled, dim, point } = props;
  const { path, label } = edgeLine(...ends, radii, laidOut);
  const text = `${formatRate(edge.rate)} · ${formatDuration(edge.p95Nano)}`;
  const fails = errorShare(edge) >= errorShareMin;
  return (
    // Reached by keys through the table of calls: hundreds of stops between the nodes would help nobody.
    <a
      href={href('/search', { q: edgeQuery(from, to) })}
      class={`edge${dim ? ' dim' : ''}${fails ? ' fails' : ''}`}
      tabIndex={-1}
      aria-label={`${nameOf(from)} to ${nameOf(to)}: ${text} at most for 95 %, ${formatPercent(errorShare(edge))} errors`}
      onPointerMove={point}
      onPointerLeave={() => point(undefined)}
    >
      <path d={path} class="edge-reach" />
      <path d={path} class="edge-line" stroke-width={edgeWidth(edge.rate, rateMax)} marker-end="url(#arrow)" />
      {labelled && (
        <text x={label.x} y={label.y - 5} class="edge-label">
          {text}
        </text>
      )}
    </a>
  );
}
