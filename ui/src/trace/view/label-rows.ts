/**
 * The left half of the chart: a label for every row in sight, as DOM, so that text can be selected and screen readers have
 * a tree. Elements are used again while scrolling; what a row already shows is not set twice.
 */
import { hueColour } from '../../design/service-colour.ts';
import { theme } from '../../design/theme.ts';
import { formatDuration } from '../../format/duration.ts';
import { missingParentsRow } from '../model/rows.ts';
import { missingParent, operationOf, statusError } from '../model/trace.ts';
import { rowHeight, type TraceView } from './trace-view.ts';

/** Deeper rows are not indented further; their number says how deep they are. */
const indentMax = 18;
const indentStep = 12;

interface Label {
  readonly row: HTMLElement;
  readonly indent: HTMLElement;
  readonly caret: HTMLElement;
  readonly mark: HTMLElement;
  readonly service: HTMLElement;
  readonly name: HTMLElement;
  readonly facts: HTMLElement;
  /** What it shows. */
  key: string;
}

export const rowElementId = (index: number): string => `trace-row-${index}`;

export class LabelRows {
  readonly #root: HTMLElement;
  readonly #labels: Label[] = [];

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  update(view: TraceView): void {
    const rows = view.rows.value;
    const top = view.top.value;
    const first = Math.floor(top / rowHeight);
    const count = Math.min(rows.length - first, Math.ceil((view.height.value + rowHeight) / rowHeight));
    this.#root.style.transform = `translateY(${first * rowHeight - top}px)`;
    while (this.#labels.length < count) this.#labels.push(this.#make());
    while (this.#labels.length > Math.max(0, count)) this.#labels.pop()!.row.remove();
    for (let i = 0; i < count; i++) this.#show(this.#labels[i]!, view, first + i);
  }

  clear(): void {
    for (const { row } of this.#labels.splice(0)) row.remove();
  }

  #make(): Label {
    const element = (tag: string, name: string): HTMLElement => {
      const made = document.createElement(tag);
      made.className = name;
      return made;
    };
    const row = element('div', 'trace-row');
    row.setAttribute('role', 'row');
    const cell = element('div', 'trace-label');
    cell.setAttribute('role', 'gridcell');
    const indent = element('span', 'trace-indent');
    const caret = element('span', 'trace-caret');
    const mark = element('span', 'service-mark');
    const service = element('span', 'trace-service');
    const name = element('span', 'trace-name');
    const facts = element('span', 'unseen');
    cell.append(indent, caret, mark, service, name, facts);
    row.append(cell);
    this.#root.append(row);
    return { row, indent, caret, mark, service, name, facts, key: '' };
  }

  #show(label: Label, view: TraceView, index: number): void {
    const entry = view.rows.value[index]!;
    const expansion = view.expansion(entry);
    const selected = entry >= 0 && entry === view.selected.value;
    const hovered = index === view.hoveredIndex.value;
    const { matches } = view.filter.value;
    const match = matches === undefined || entry < 0 ? '' : matches[entry] === 1 ? 'match' : 'other';
    const { name: colouredBy, hues, values } = view.colouring.value;
    const hue =
      entry === missingParentsRow ? 0 : hues[values.codes[entry >= 0 ? entry : view.folds[-2 - entry]!.first] ?? 0]!;
    const key = `${index} ${entry} ${expansion} ${selected} ${hovered} ${match} ${colouredBy} ${hue} ${theme.value}`;
    if (label.key === key) return;
    label.key = key;
    const { row } = label;
    row.id = rowElementId(index);
    row.dataset['index'] = String(index);
    row.className = `trace-row${selected ? ' selected' : ''}${hovered ? ' hovered' : ''}${match === '' ? '' : ` ${match}`}`;
    row.setAttribute('aria-rowindex', String(index + 1));
    row.setAttribute('aria-selected', String(selected));
    if (expansion === undefined) row.removeAttribute('aria-expanded');
    else row.setAttribute('aria-expanded', String(expansion === 'open'));
    label.caret.dataset['state'] = expansion ?? '';
    this.#text(label, view, entry, hue);
  }

  #text(label: Label, view: TraceView, entry: number, hue: number): void {
    const { trace } = view.source;
    const row = entry === missingParentsRow ? -1 : entry >= 0 ? entry : view.folds[-2 - entry]!.first;
    const depth = row === -1 ? 0 : depthOf(view, row);
    label.row.setAttribute('aria-level', String(depth + 1));
    label.indent.style.width = `${Math.min(depth, indentMax) * indentStep}px`;
    label.mark.style.background = row === -1 ? 'transparent' : hueColour(hue);
    if (row === -1) {
      label.row.classList.add('missing');
      label.service.textContent = '';
      label.name.textContent = `missing parents of ${view.totals.orphans} span${view.totals.orphans === 1 ? '' : 's'}`;
      label.facts.textContent = '';
      return;
    }
    const { service, name } = operationOf(trace, row);
    const above = trace.parent[row]!;
    const sameService = above >= 0 && operationOf(trace, above).service === service;
    label.service.textContent = sameService ? '' : service;
    const deeper = depth > indentMax ? `${depth} · ` : '';
    if (entry < 0) {
      const { count, totalNano, errors } = view.folds[-2 - entry]!;
      label.row.classList.add('fold');
      label.row.classList.toggle('error', errors > 0);
      label.name.textContent = `${deeper}${count} × ${name}`;
      label.facts.textContent = `, folded, ${formatDuration(totalNano)} in all${errors > 0 ? `, ${errors} errors` : ''}`;
      return;
    }
    const failed = trace.status[row] === statusError;
    const hidden = trace.subtree[row]! - 1;
    label.row.classList.toggle('error', failed);
    label.name.textContent = `${deeper}${name === '' ? '(no name)' : name}`;
    label.name.dataset['hidden'] = view.expansion(row) === 'closed' ? String(hidden) : '';
    label.facts.textContent = `, ${sameService ? `${service}, ` : ''}${formatDuration(trace.duration[row]!)}${failed ? ', error' : ''}`;
    label.row.title = `${service} › ${name}`;
  }
}

/** Orphans stand one level below the row that says that their parents are missing. */
function depthOf({ source: { trace } }: TraceView, row: number): number {
  let top = row;
  while (trace.parent[top]! >= 0) top = trace.parent[top]!;
  return trace.depth[row]! + (trace.parent[top] === missingParent ? 1 : 0);
}
