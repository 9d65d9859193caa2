/** Equal lines of calls as one box, as wide as the self time in and below it. A click makes a box the whole width. */
import { useMemo, useState } from 'preact/hooks';
import { Button } from '../../components/button.tsx';
import { Tooltip } from '../../components/tooltip.tsx';
import { serviceColour } from '../../design/service-colour.ts';
import { formatCount, formatPercent } from '../../format/count.ts';
import { formatDuration } from '../../format/duration.ts';
import { callTree, flameBoxes } from '../model/call-tree.ts';
import type { TraceView } from '../view/trace-view.ts';

const boxHeight = 22;
/** Narrower than this share of the width, a box cannot be told from a line. */
const widthMin = 1 / 1500;

export function FlamePanel({ view }: { readonly view: TraceView }) {
  const trace = view.trace.value;
  const self = view.self.value;
  const nodes = useMemo(() => callTree(trace, self), [trace, self]);
  const [focus, setFocus] = useState(-1);
  const [hovered, setHovered] = useState<{ node: number; x: number; y: number } | undefined>(undefined);
  const boxes = useMemo(() => flameBoxes(nodes, focus < nodes.length ? focus : -1, widthMin), [nodes, focus]);
  const depth = boxes.reduce((max, box) => Math.max(max, box.depth), 0);
  const total = nodes.reduce((sum, node) => sum + (node.parent === -1 ? node.weight : 0), 0);
  const shown = hovered === undefined ? undefined : nodes[hovered.node];
  return (
    <>
      <div class="trace-panel-bar">
        <span class="faint">
          {formatCount(trace.spans)} spans as {formatCount(nodes.length)} lines of calls; width is self time in and
          below
        </span>
        {focus !== -1 && <Button onClick={() => setFocus(-1)}>Whole trace</Button>}
      </div>
      <div class="trace-flame" style={{ height: `${(depth + 1) * boxHeight}px` }}>
        {boxes.map(({ node, left, width, depth: level }) => {
          const { operation, errors, count, weight, longest } = nodes[node]!;
          return (
            <button
              key={node}
              type="button"
              class={errors > 0 ? 'trace-box error' : 'trace-box'}
              aria-label={`${operation.service} ${operation.name}, ${count} spans, ${formatDuration(weight)}`}
              style={{
                left: `${left * 100}%`,
                width: `${width * 100}%`,
                top: `${level * boxHeight}px`,
                background: serviceColour(operation.service, 0.34),
                borderLeftColor: serviceColour(operation.service),
              }}
              onClick={() => {
                setFocus(node === focus ? -1 : node);
                view.select(longest);
              }}
              onPointerMove={(event) => setHovered({ node, x: event.clientX, y: event.clientY })}
              onPointerLeave={() => setHovered(undefined)}
            >
              {width > 0.02 && `${operation.name}${count > 1 ? ` ×${formatCount(count)}` : ''}`}
            </button>
          );
        })}
      </div>
      {hovered !== undefined && shown !== undefined && (
        <Tooltip x={hovered.x} y={hovered.y}>
          <strong>
            {shown.operation.service} {shown.operation.name}
          </strong>
          <dl class="trace-facts">
            <dt>spans</dt>
            <dd>{formatCount(shown.count)}</dd>
            <dt>in and below</dt>
            <dd>
              {formatDuration(shown.weight)} ({formatPercent(total === 0 ? 0 : shown.weight / total)})
            </dd>
            <dt>self</dt>
            <dd>{formatDuration(shown.self)}</dd>
            <dt>longest</dt>
            <dd>{formatDuration(trace.duration[shown.longest]!)}</dd>
            {shown.errors > 0 && <dt>errors</dt>}
            {shown.errors > 0 && <dd class="error-text">{formatCount(shown.errors)}</dd>}
          </dl>
        </Tooltip>
      )}
    </>
  );
}
