/** One node: a disc in the service's colour, a ring with its errors, its name and its p95. */
import type { ServiceNodeJson } from '../../../src/api/contract/index.ts';
import { href } from '../app/router.ts';
import { serviceColour } from '../design/service-colour.ts';
import { formatPercent } from '../format/count.ts';
import { formatDuration } from '../format/duration.ts';
import { errorShare, kindOf, nameOf, numbersText } from './describe.ts';
import { ringDash, ringRadius } from './geometry.ts';
import type { Point } from './layout.ts';
import { nodeQuery } from './queries.ts';

export interface GraphNodeProps {
  readonly node: ServiceNodeJson;
  readonly at: Point;
  /** Radius of the disc. */
  readonly disc: number;
  readonly dim: boolean;
  /** The pointer or the focus is on it, or left it. */
  readonly point: (event: PointerEvent | FocusEvent | undefined) => void;
}

/** Longer names are cut; the tooltip has them whole. */
const nameMax = 20;

/** On a grid of 16 around the middle. */
const glyphs = {
  database: 'M-5-4.5c0-3 10-3 10 0v9c0 3-10 3-10 0zM-5-4.5c0 3 10 3 10 0M-5 0c0 3 10 3 10 0',
  messaging: 'M-6-4h12v8h-12zM-6-4 0 1 6-4',
  external: 'M-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0M-6 0h12M0-6c-4 4-4 8 0 12c4-4 4-8 0-12',
} as const;

export function GraphNode({ node, at, disc, dim, point }: GraphNodeProps) {
  const ring = ringRadius(disc);
  const share = errorShare(node);
  const name = nameOf(node);
  const shown = name.length > nameMax ? `${name.slice(0, nameMax - 1)}…` : name;
  const isService = node.kind === 'service';
  const numbers =
    node.calls === 0 ? '' : ` ${formatDuration(node.p95Nano)}${share > 0 ? ` ${formatPercent(share)}` : ''}`;
  return (
    <a
      href={href('/search', { q: nodeQuery(node) })}
      class={dim ? 'node dim' : 'node'}
      data-node={node.id}
      // Begins with what can be seen, as people say it who speak to their computer.
      aria-label={`${shown}${numbers}: ${name}, ${kindOf(node)}, ${numbersText(node)}`}
      onPointerMove={point}
      onPointerLeave={() => point(undefined)}
      onFocus={point}
      onBlur={() => point(undefined)}
    >
      <g transform={`translate(${at.x} ${at.y})`}>
        <circle r={ring + 7} class="node-focus" />
        <circle r={disc} class="node-disc" style={isService ? { fill: serviceColour(node.name, 0.85) } : {}} />
        {node.kind !== 'service' && (
          <path d={glyphs[node.kind]} class="node-glyph" transform={`scale(${Math.max(0.8, disc / 14)})`} />
        )}
        <circle r={ring} class="node-ring" />
        {share > 0 && (
          <circle r={ring} class="node-errors" stroke-dasharray={ringDash(ring, share)} transform="rotate(-90)" />
        )}
        <text y={ring + 16} class="node-name">
          {shown}{' '}
        </text>
        {node.calls > 0 && (
          <text y={ring + 30} class="node-numbers">
            {formatDuration(node.p95Nano)}
            {share > 0 && <tspan class="node-error-text"> {formatPercent(share)}</tspan>}
          </text>
        )}
      </g>
    </a>
  );
}
