/**
 * A trace as a Gantt chart of characters:
 *
 *   storefront GET /                   132ms  ▒▒██▒▒▒▒▒▒▒▒▒▒▒▒██
 *   ├─ gateway GET /api                120ms    ▒▒▒▒▒▒▒▒▒▒▒▒▒▒
 *   │  └─ ✗ orders POST                 80ms      ██████████
 *   └─ … 12 spans folded (3 errors)
 *
 * █ is the critical path, ▒ time in which something else decided, ✗ a span with status error.
 */

import { countText, durationText, plural, timeText } from '../text/format.ts';
import type { Paint } from '../text/paint.ts';
import { cut, fit, printable, textWidth } from '../text/width.ts';
import { criticalPath, type Stretch } from './critical-path.ts';
import { type Fold, foldTree } from './fold.ts';
import type { SpanNode, TraceTree } from './trace-tree.ts';

export interface GanttOptions {
  readonly width: number;
  readonly paint: Paint;
  /** More spans are folded; Infinity shows all. */
  readonly rowsMax: number;
}

/** Deeper than this, the branches to the left are cut. */
const depthShownMax = 16;
const labelShare = 0.45;
const durationWidth = 7;
const barWidthMin = 10;

export function gantt(tree: TraceTree, options: GanttOptions): string {
  const { paint, width, rowsMax } = options;
  const critical = new Map<SpanNode, Stretch[]>();
  for (const root of tree.roots) for (const [node, own] of criticalPath(root)) critical.set(node, own);
  const { shown, folds } = foldTree(tree, critical, rowsMax);
  const rows = rowsOf(tree.roots, shown, folds);
  const widest = rows.reduce((max, row) => Math.max(max, textWidth(row.branch + labelOf(row))), 0);
  const labelWidth = Math.max(12, Math.min(widest, Math.floor(width * labelShare)));
  const barWidth = Math.max(barWidthMin, width - labelWidth - durationWidth - 4);
  const scale = { durationNano: tree.durationNano, columns: barWidth };
  const lines = rows.map((row) => {
    const label = fit(row.branch + labelOf(row), labelWidth);
    if (row.fold !== undefined) return paint.dim(label.trimEnd());
    const { node, branch } = row;
    const branchLength = Math.min(branch.length, label.length);
    const text = label.slice(branchLength);
    const painted =
      paint.dim(label.slice(0, branchLength)) + (node.isError ? paint.red(text) : paint.named(node.service, text));
    const took = fit(durationText(node.end - node.start), durationWidth, 'right');
    const bar = barOf(node, critical.get(node), scale);
    return `${painted}  ${took}  ${node.isError ? paint.red(bar) : paint.named(node.service, bar)}`.trimEnd();
  });
  const indent = ' '.repeat(labelWidth + durationWidth + 4);
  return [...headOf(tree, critical, paint), '', paint.dim(indent + axis(scale)), ...lines].join('\n');
}

function headOf(tree: TraceTree, critical: ReadonlyMap<SpanNode, readonly Stretch[]>, paint: Paint): string[] {
  const { nodes, roots } = tree;
  const root = roots[0]!;
  const services = new Set(nodes.map((node) => node.service));
  const errors = nodes.filter((node) => node.isError).length;
  const orphans = roots.filter((node) => node.isOrphan).length;
  const facts = [
    plural(nodes.length, 'span'),
    plural(services.size, 'service'),
    errors > 0 ? paint.red(plural(errors, 'error')) : 'no errors',
    ...(orphans > 0 ? [`${plural(orphans, 'span')} whose parent is missing`] : []),
  ];
  return [
    paint.bold(`trace ${root.span.traceId}  ${printable(root.service)} ${printable(root.span.name)}`),
    `${timeText(tree.startUnixNano)} UTC, ${durationText(tree.durationNano)}, ${facts.join(', ')}`,
    `critical path: ${slowest(critical) || 'none'}`,
  ];
}

/** Where the time of the critical path went: the services with most of it. */
function slowest(critical: ReadonlyMap<SpanNode, readonly Stretch[]>): string {
  const byService = new Map<string, number>();
  let total = 0;
  for (const [{ service }, own] of critical) {
    const time = own.reduce((sum, { from, to }) => sum + to - from, 0);
    byService.set(service, (byService.get(service) ?? 0) + time);
    total += time;
  }
  const ranked = [...byService].filter(([, time]) => time > 0).sort((a, b) => b[1] - a[1]);
  const named = ranked.slice(0, 4).map(([service, time]) => {
    return `${printable(service) || 'no service'} ${durationText(time)} (${Math.round((100 * time) / total)}%)`;
  });
  if (ranked.length > named.length) named.push(`${countText(ranked.length - named.length)} more`);
  return named.join(', ');
}

type Row = { readonly branch: string } & (
  | { readonly node: SpanNode; readonly fold?: never }
  | { readonly fold: Fold; readonly node?: never }
);

function labelOf(row: Row): string {
  if (row.fold !== undefined) {
    const { spans, errors } = row.fold;
    return `… ${plural(spans, 'span')} folded${errors > 0 ? ` (${plural(errors, 'error')})` : ''}`;
  }
  const { node } = row;
  const marks = (node.isOrphan ? '? ' : '') + (node.isError ? '✗ ' : '');
  return marks + printable(node.service === '' ? node.span.name : `${node.service} ${node.span.name}`);
}

/** Rows with the branches of the tree before them. */
function rowsOf(
  roots: readonly SpanNode[],
  shown: ReadonlySet<SpanNode>,
  folds: ReadonlyMap<SpanNode | undefined, Fold>,
): Row[] {
  interface Open {
    readonly item: SpanNode | Fold;
    /** What stands before the branches of its children; its own branch is the last part of it. */
    readonly before: string;
    readonly own: string;
    readonly depth: number;
  }
  const rows: Row[] = [];
  const open: Open[] = [];
  const push = (parent: SpanNode | undefined, children: readonly SpanNode[], before: string, depth: number): void => {
    const fold = folds.get(parent);
    const items: (SpanNode | Fold)[] = children.filter((child) => shown.has(child));
    if (fold !== undefined) items.push(fold);
    for (let i = items.length - 1; i >= 0; i--) {
      const last = i === items.length - 1;
      const own = depth === 0 ? '' : last ? '└─ ' : '├─ ';
      open.push({
        item: items[i]!,
        own: before + own,
        before: before + (depth === 0 ? '' : last ? '   ' : '│  '),
        depth,
      });
    }
  };
  push(undefined, roots, '', 0);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { item, own, before, depth } = next;
    const branch = depth <= depthShownMax ? own : `${depth}┄${own.slice(-3 * depthShownMax)}`;
    if (!('span' in item)) {
      rows.push({ branch, fold: item });
      continue;
    }
    rows.push({ branch, node: item });
    push(item, item.children, before.slice(-3 * (depthShownMax + 1)), depth + 1);
  }
  return rows;
}

interface Scale {
  readonly durationNano: number;
  readonly columns: number;
}

function columnOf(nano: number, { durationNano, columns }: Scale): number {
  return durationNano === 0 ? 0 : (nano / durationNano) * columns;
}

/** At least one character a span. */
function barOf(node: SpanNode, own: readonly Stretch[] | undefined, scale: Scale): string {
  const first = Math.min(scale.columns - 1, Math.floor(columnOf(node.start, scale)));
  const end = Math.max(first + 1, Math.round(columnOf(node.end, scale)));
  const cells = Array<string>(end - first).fill('▒');
  for (const { from, to } of own ?? []) {
    const start = Math.min(cells.length - 1, Math.max(0, Math.floor(columnOf(from, scale)) - first));
    const stop = Math.min(cells.length, Math.max(start + 1, Math.round(columnOf(to, scale)) - first));
    cells.fill('█', start, stop);
  }
  return ' '.repeat(first) + cells.join('');
}

/** `0        66ms        132ms`, as wide as the bars. */
function axis({ durationNano, columns }: Scale): string {
  const end = durationText(durationNano);
  const middle = durationText(durationNano / 2);
  const half = Math.floor(columns / 2);
  const line = fit(`0${' '.repeat(Math.max(1, half - 1))}${columns >= 30 ? middle : ''}`, columns - end.length);
  return cut(line + end, columns);
}
