/**
 * The graph as SVG: nodes are links, so keys, screen readers and "open in a new tab" work as everywhere. Drag moves the
 * picture, the wheel and + − change its size, 0 shows everything; arrow keys go from node to node.
 */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ServiceGraphAnswer } from '../../../src/api/contract/index.ts';
import { useKeys } from '../app/keys.ts';
import { Button } from '../components/button.tsx';
import { Icon } from '../components/icons.tsx';
import { Tooltip } from '../components/tooltip.tsx';
import { kindOf, nameOf, numbersText } from './describe.ts';
import { discRadius, fitView, neighbourAt, ringRadius, type View, zoomView } from './geometry.ts';
import { GraphEdge } from './graph-edge.tsx';
import { GraphNode } from './graph-node.tsx';
import { edgeKey, type Layout, nodeBox } from './layout.ts';
import { pointedAt } from './pointed-at.ts';
import { useDrag } from './use-drag.ts';

export interface GraphViewProps {
  readonly data: ServiceGraphAnswer;
  readonly layout: Layout;
  /** Nodes that the user looks for; undefined: no search. */
  readonly found: ReadonlySet<string> | undefined;
  /** Lays everything out again. */
  readonly arrange: () => void;
}

/** With more edges only those of the pointed node are labelled. */
const labelledEdgesMax = 40;

const arrowKeys = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'] as const;

export function GraphView({ data, layout, found, arrange }: GraphViewProps) {
  const root = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  /** undefined: everything is shown, also when nodes come and the window changes. */
  const [moved, setMoved] = useState<View | undefined>(undefined);
  const [pointer, setPointer] = useState<{ readonly x: number; readonly y: number; readonly text: string[] }>();
  const points = useMemo(() => new Map(data.nodes.map(({ id }) => [id, layout.nodes.get(id)!])), [data, layout]);
  const fitted = fitView([...points.values()], size, nodeBox);
  const view = moved ?? fitted;

  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      setSize({ width, height });
    });
    observer.observe(root.current!);
    return () => observer.disconnect();
  }, []);

  const middle = { x: size.width / 2, y: size.height / 2 };
  const zoom = (factor: number, at = middle): void => setMoved(zoomView(view, factor, at));
  const latest = useRef(zoom);
  latest.current = zoom;
  useEffect(() => {
    const element = root.current!;
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      const { left, top } = element.getBoundingClientRect();
      latest.current(Math.exp(-event.deltaY / 500), { x: event.clientX - left, y: event.clientY - top });
    };
    // Preact's listeners are passive; this one keeps the page from scrolling.
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, []);

  useKeys(() => {
    const group = 'Service graph';
    return [
      { keys: '+', does: 'Larger', group, run: () => latest.current(1.25) },
      { keys: '-', does: 'Smaller', group, run: () => latest.current(0.8) },
      { keys: '0', does: 'Show everything', group, run: () => setMoved(undefined) },
    ];
  });

  const onKeyDown = (event: KeyboardEvent): void => {
    const key = arrowKeys.find((each) => each === event.key);
    const at = (event.target as Element).closest<SVGElement>('[data-node]')?.dataset['node'];
    if (key === undefined || at === undefined) return;
    const next = neighbourAt(key, at, points);
    if (next === undefined) return;
    event.preventDefault();
    root.current!.querySelector<SVGElement>(`[data-node="${CSS.escape(next)}"]`)?.focus();
  };

  const drag = useDrag(view, setMoved);
  const shown = pointedAt.value;
  const rateMax = Math.max(...data.nodes.map(({ rate }) => rate));
  const edgeRateMax = Math.max(...data.edges.map(({ rate }) => rate));
  const radii = new Map(data.nodes.map(({ id, rate }) => [id, ringRadius(discRadius(rate, rateMax))]));
  const byId = new Map(data.nodes.map((node) => [node.id, node]));
  const near = new Set([shown]);
  for (const { from, to } of data.edges) if (from === shown || to === shown) near.add(from).add(to);
  const isDim = (id: string): boolean => (shown === undefined ? found !== undefined && !found.has(id) : !near.has(id));

  return (
    <section class="graph" aria-label="Service graph" ref={root}>
      {/* biome-ignore lint/a11y/useSemanticElements: SVG has no fieldset */}
      <svg
        class={drag.active ? 'graph-picture dragged' : 'graph-picture'}
        role="group"
        aria-label="Services from left to right in the direction of calls"
        onKeyDown={onKeyDown}
        {...drag.handlers}
      >
        <defs>
          <marker
            id="arrow"
            viewBox="0 0 8 8"
            refX="1"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            markerUnits="userSpaceOnUse"
            orient="auto"
          >
            <path d="M0 0.5 7 4 0 7.5z" class="arrow-head" />
          </marker>
        </defs>
        <g
          transform={`translate(${view.x} ${view.y}) scale(${view.scale})`}
          class={size.width === 0 ? 'unplaced' : undefined}
        >
          {data.edges.map((edge) => {
            const touches = edge.from === shown || edge.to === shown;
            const [from, to] = [byId.get(edge.from)!, byId.get(edge.to)!];
            return (
              <GraphEdge
                key={edgeKey(edge.from, edge.to)}
                edge={edge}
                from={from}
                to={to}
                ends={[points.get(edge.from)!, points.get(edge.to)!]}
                radii={[radii.get(edge.from)!, radii.get(edge.to)!]}
                laidOut={layout.edges.get(edgeKey(edge.from, edge.to))}
                rateMax={edgeRateMax}
                labelled={touches || (shown === undefined && data.edges.length <= labelledEdgesMax)}
                dim={shown === undefined ? isDim(edge.from) && isDim(edge.to) : !touches}
                point={(event) =>
                  setPointer(
                    event && {
                      x: event.clientX,
                      y: event.clientY,
                      text: [`${nameOf(from)} → ${nameOf(to)}`, numbersText(edge)],
                    },
                  )
                }
              />
            );
          })}
          {data.nodes.map((node) => (
            <GraphNode
              key={node.id}
              node={node}
              at={points.get(node.id)!}
              disc={discRadius(node.rate, rateMax)}
              dim={isDim(node.id)}
              point={(event) => {
                pointedAt.value = event === undefined ? undefined : node.id;
                setPointer(
                  event instanceof PointerEvent
                    ? {
                        x: event.clientX,
                        y: event.clientY,
                        text: [`${nameOf(node)} (${kindOf(node)})`, numbersText(node)],
                      }
                    : undefined,
                );
              }}
            />
          ))}
        </g>
      </svg>
      <div class="graph-tools">
        <Button label="Larger (+)" onClick={() => zoom(1.25)}>
          <Icon name="plus" />
        </Button>
        <Button label="Smaller (-)" onClick={() => zoom(0.8)}>
          −
        </Button>
        <Button label="Fit everything (0)" onClick={() => setMoved(undefined)}>
          Fit
        </Button>
        <Button
          label="Arrange again"
          onClick={() => {
            arrange();
            setMoved(undefined);
          }}
        >
          Arrange
        </Button>
      </div>
      <Legend />
      {pointer !== undefined && !drag.active && (
        <Tooltip x={pointer.x} y={pointer.y}>
          <strong>{pointer.text[0]}</strong>
          <div class="soft">{pointer.text[1]}</div>
        </Tooltip>
      )}
    </section>
  );
}

function Legend() {
  return (
    <p class="graph-legend faint" aria-hidden="true">
      {/* biome-ignore lint/a11y/noSvgWithoutTitle: hidden, the words beside it say the same */}
      <svg viewBox="0 0 16 16">
        <circle cx="8" cy="8" r="5.5" class="node-ring" />
        <circle cx="8" cy="8" r="5.5" class="node-errors" stroke-dasharray="10 40" transform="rotate(-90 8 8)" />
      </svg>
      red: share of errors · size: rate · number: p95
    </p>
  );
}
