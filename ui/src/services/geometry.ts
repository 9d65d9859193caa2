/** Shapes of the graph: circles, rings, lines, and how the picture is moved. No DOM. */
import type { LaidOutEdge, Point } from './layout.ts';

/** Radius of a node's disc: its area goes with the rate. */
export function discRadius(rate: number, rateMax: number): number {
  return 9 + 15 * Math.sqrt(rateMax > 0 ? rate / rateMax : 0);
}

export const ringWidth = 3.5;
export const ringRadius = (disc: number): number => disc + ringWidth / 2 + 1.5;

/** Lengths of a ring's dash and gap that draw a share of it, never so little that nobody sees it. */
export function ringDash(radius: number, share: number): string {
  const length = 2 * Math.PI * radius;
  const dash = share <= 0 ? 0 : Math.min(length, Math.max(length * share, 3));
  return `${dash.toFixed(1)} ${(length - dash + 0.1).toFixed(1)}`;
}

/** From 1 to 4: with the square root of the rate, so that weak edges stay visible. */
export const edgeWidth = (rate: number, rateMax: number): number => 1 + 3 * Math.sqrt(rateMax > 0 ? rate / rateMax : 0);

export interface Line {
  readonly path: string;
  readonly label: Point;
}

/** From circle to circle through the points that the layout gave, as a smooth curve. */
export function edgeLine(from: Point, to: Point, radii: readonly [number, number], laidOut?: LaidOutEdge): Line {
  const gap = 3;
  if (from === to || (from.x === to.x && from.y === to.y)) return loop(from, radii[0] + gap);
  const start = { x: from.x + radii[0] + gap, y: from.y };
  const arrow = 6;
  if (from.x >= to.x) {
    // Back to an earlier layer: below both, so that it is not taken for the way forth.
    const low = Math.max(from.y, to.y) + 70;
    const [a, b] = [
      { x: from.x, y: from.y + radii[0] + gap },
      { x: to.x, y: to.y + radii[1] + gap + arrow },
    ];
    return {
      path: `M${a.x} ${a.y}C${a.x} ${low} ${b.x} ${low} ${b.x} ${b.y}`,
      label: { x: (a.x + b.x) / 2, y: low - 14 },
    };
  }
  const end = { x: to.x - radii[1] - gap - arrow, y: to.y };
  if (laidOut === undefined) {
    return { path: curve([start, end]), label: { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 } };
  }
  const between = laidOut.points.filter(({ x }) => x > start.x + 8 && x < end.x - 8);
  return { path: curve([start, ...between, end]), label: laidOut.label };
}

/** Pieces that leave and arrive level, so that the whole is smooth. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  let path = `M${first!.x} ${first!.y}`;
  let last = first!;
  for (const point of rest) {
    const middle = (last.x + point.x) / 2;
    path += `C${middle} ${last.y} ${middle} ${point.y} ${point.x} ${point.y}`;
    last = point;
  }
  return path;
}

function loop({ x, y }: Point, radius: number): Line {
  const [side, top] = [radius * 0.7, y - radius * 0.7];
  const high = y - radius - 34;
  return {
    path: `M${x - side} ${top}C${x - side * 2.2} ${high} ${x + side * 2.2} ${high} ${x + side} ${top - 4}`,
    label: { x, y: high + 4 },
  };
}

/** Screen = graph × scale + (x, y). */
export interface View extends Point {
  readonly scale: number;
}

export interface Box {
  readonly width: number;
  readonly height: number;
}

const scaleMin = 0.15;
const scaleMax = 3;
/** Pixels that stay free around everything. */
const margin = 16;

/** Shows all of the points with the room that nodes take around them, in the middle, at most at full size. */
export function fitView(points: readonly Point[], size: Box, room: Box): View {
  if (points.length === 0 || size.width === 0) return { x: 0, y: 0, scale: 1 };
  const left = Math.min(...points.map(({ x }) => x)) - room.width / 2;
  const right = Math.max(...points.map(({ x }) => x)) + room.width / 2;
  const top = Math.min(...points.map(({ y }) => y)) - room.height / 2;
  const bottom = Math.max(...points.map(({ y }) => y)) + room.height / 2;
  const scale = Math.max(
    scaleMin,
    Math.min(1, (size.width - 2 * margin) / (right - left), (size.height - 2 * margin) / (bottom - top)),
  );
  return {
    scale,
    x: size.width / 2 - (scale * (left + right)) / 2,
    y: size.height / 2 - (scale * (top + bottom)) / 2,
  };
}

/** Larger or smaller by a factor; what is at `at` on the screen stays there. */
export function zoomView(view: View, factor: number, at: Point): View {
  const scale = Math.max(scaleMin, Math.min(scaleMax, view.scale * factor));
  const by = scale / view.scale;
  return { scale, x: at.x - (at.x - view.x) * by, y: at.y - (at.y - view.y) * by };
}

/** The node that an arrow key leads to: the nearest in a cone of that direction; undefined when there is none. */
export function neighbourAt(
  key: 'ArrowLeft' | 'ArrowRight' | 'ArrowUp' | 'ArrowDown',
  from: string,
  nodes: ReadonlyMap<string, Point>,
): string | undefined {
  const origin = nodes.get(from);
  if (origin === undefined) return undefined;
  const flat = key === 'ArrowLeft' || key === 'ArrowRight';
  const sign = key === 'ArrowRight' || key === 'ArrowDown' ? 1 : -1;
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const [id, { x, y }] of nodes) {
    const along = sign * (flat ? x - origin.x : y - origin.y);
    if (along <= 0) continue;
    const across = Math.abs(flat ? y - origin.y : x - origin.x);
    const distance = along + across * 2;
    if (distance < least) {
      least = distance;
      best = id;
    }
  }
  return best;
}
