/**
 * One of the three charts over time. They share a cursor; the line nearest to the pointer stands out in all of them. A
 * click on a point leads to its traces, a drag selects a region of time.
 */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { TimeRange } from '../base/range.ts';
import { theme, token } from '../design/theme.ts';
import { formatSeconds } from '../format/time.ts';

export interface ChartLine {
  readonly name: string;
  readonly colour: string;
  readonly values: readonly (number | null)[];
}

export interface RedChartProps {
  readonly title: string;
  /** The number of the whole range, and what it says. */
  readonly figure: string;
  readonly note?: string;
  readonly times: readonly number[];
  readonly range: TimeRange;
  readonly lines: readonly ChartLine[];
  readonly format: (value: number) => string;
  /** A line's point: the index of the line and of the interval. */
  readonly onPoint: (line: number, interval: number) => void;
  readonly onSelect: (fromMs: number, toMs: number) => void;
}

const height = 176;
/** The lines fill the space below them when there are so few that one can tell them apart. */
const filledLinesMax = 1;

export function RedChart(props: RedChartProps) {
  const root = useRef<HTMLDivElement>(null);
  const readout = useRef<HTMLSpanElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const { title, figure, note, times, range, lines } = props;
  const dark = theme.value;

  useEffect(() => {
    const element = root.current!;
    const plot = new uPlot(optionsOf(latest, readout, element.clientWidth), dataOf(times, lines), element);
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [times, lines, range.fromMs, range.toMs, dark]);

  return (
    <section class="red-chart" aria-label={`${title}: ${figure}`}>
      <header>
        <h2>{title}</h2>
        <strong class="mono">{figure}</strong>
        {note !== undefined && <span class="faint">{note}</span>}
        <span class="readout ellipsis" ref={readout} aria-hidden="true" />
      </header>
      <div class="red-plot" ref={root} aria-hidden="true" />
    </section>
  );
}

function dataOf(times: readonly number[], lines: readonly ChartLine[]): uPlot.AlignedData {
  return [[...times], ...lines.map(({ values }) => [...values])] as uPlot.AlignedData;
}

function optionsOf(
  latest: { readonly current: RedChartProps },
  readout: { readonly current: HTMLSpanElement | null },
  width: number,
): uPlot.Options {
  const { lines, range, format } = latest.current;
  const grid = { stroke: token('--line'), width: 1 };
  const axis = { stroke: token('--text-faint'), font: '10px system-ui, sans-serif', ticks: { show: false } };
  let pressedX = 0;
  return {
    width,
    height,
    legend: { show: false },
    padding: [8, 8, 0, 0],
    // The lead line of every chart is the same: uPlot copies cursor and focus by their key.
    cursor: {
      sync: { key: 'red', setSeries: true },
      focus: { prox: 24 },
      points: { size: 7 },
      drag: { x: true, y: false, setScale: false, dist: 5 },
    },
    focus: { alpha: 0.25 },
    scales: {
      x: { time: true, range: [range.fromMs / 1000, range.toMs / 1000] },
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.12 : 1] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 22, space: 70, values: (_plot, ticks) => ticks.map(clockOf(range)) },
      {
        ...axis,
        grid,
        size: 58,
        space: 36,
        values: (_plot, ticks) => ticks.map((tick) => (tick === 0 ? '0' : format(tick))),
      },
    ],
    series: [
      {},
      ...lines.map(({ name, colour }) => ({
        label: name,
        stroke: colour,
        width: 1.5,
        spanGaps: true,
        points: { show: false },
        ...(lines.length <= filledLinesMax && { fill: `color-mix(in oklch, ${colour}, transparent 82%)` }),
      })),
    ],
    hooks: {
      setCursor: [(plot) => showReadout(plot, latest.current, readout.current)],
      setSelect: [
        (plot) => {
          const { left, width: wide } = plot.select;
          if (wide < 5) return;
          latest.current.onSelect(plot.posToVal(left, 'x') * 1000, plot.posToVal(left + wide, 'x') * 1000);
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      ready: [
        (plot) => {
          plot.over.addEventListener('mousedown', (event) => {
            pressedX = event.clientX;
          });
          plot.over.addEventListener('click', (event) => {
            const interval = plot.cursor.idx;
            if (Math.abs(event.clientX - pressedX) > 4 || interval === null || interval === undefined) return;
            const line = nearestLine(plot, interval);
            if (line !== undefined) latest.current.onPoint(line, interval);
          });
        },
      ],
    },
  };
}

/** The line whose value is nearest to the pointer in height. */
function nearestLine(plot: uPlot, interval: number): number | undefined {
  const top = plot.cursor.top ?? -1;
  let best: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (let series = 1; series < plot.series.length; series++) {
    const value = plot.data[series]![interval];
    if (typeof value !== 'number') continue;
    const distance = Math.abs(plot.valToPos(value, 'y') - top);
    if (distance < least) {
      least = distance;
      best = series - 1;
    }
  }
  return best;
}

function showReadout(plot: uPlot, { lines, format }: RedChartProps, element: HTMLSpanElement | null): void {
  if (element === null) return;
  const interval = plot.cursor.idx;
  const line = interval === null || interval === undefined ? undefined : nearestLine(plot, interval);
  if (line === undefined) {
    element.textContent = '';
    return;
  }
  const value = plot.data[line + 1]![interval!];
  element.style.color = lines[line]!.colour;
  element.textContent = `${lines[line]!.name} ${format(value ?? 0)} · ${formatSeconds(plot.data[0][interval!]! * 1000)}`;
}

/** Hours and minutes, with seconds when the range is short. */
const clockOf =
  ({ fromMs, toMs }: TimeRange) =>
  (seconds: number): string =>
    formatSeconds(seconds * 1000).slice(0, toMs - fromMs < 600_000 ? 8 : 5);
