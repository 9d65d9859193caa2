/**
 * What the trace page shows, as signals: the rows in sight, the window of time, selection, filter, colours. The chart, the
 * tree of labels and the panels follow from it; only methods here change it.
 */
import { batch, computed, type ReadonlySignal, signal } from '@preact/signals';
import { recall, remember } from '../../base/memory.ts';
import { serviceHues, stableHash } from '../../design/service-colour.ts';
import type { TraceSource } from '../data/source.ts';
import { type CriticalPath, criticalPath } from '../model/critical-path.ts';
import { parseFilter, runFilter } from '../model/filter.ts';
import {
  type Fold,
  findFolds,
  foldOf,
  indexOfRow,
  keptRows,
  missingParentsRow,
  type Shown,
  visibleRows,
} from '../model/rows.ts';
import { clockSkew, corrected, type Skew, selfTimes } from '../model/times.ts';
import { nextRow, statusError, type Totals, type Trace, totalsOf } from '../model/trace.ts';
import { intrinsicValues, isIntrinsic, type Values } from '../model/values.ts';

/** Height of a row, CSS pixels. */
export const rowHeight = 24;
export const rulerHeight = 26;

export interface TimeWindow {
  /** ns since the trace's start. */
  readonly from: number;
  readonly to: number;
}

export interface Colouring {
  readonly name: string;
  readonly values: Values;
  /** By code: index into the hues. */
  readonly hues: Uint8Array;
}

export interface FilterState {
  readonly text: string;
  readonly matches: Uint8Array | undefined;
  readonly count: number;
  readonly problem: string;
  readonly busy: boolean;
}

const noFilter: FilterState = { text: '', matches: undefined, count: 0, problem: '', busy: false };

/** No narrower than this many ns, so that numbers stay exact. */
const windowNanoMin = 100;

export class TraceView {
  readonly source: TraceSource;
  readonly totals: Totals;
  readonly skew: Skew | undefined;
  readonly correctSkew = signal(true);
  /** With corrected clocks, unless that is switched off. */
  readonly trace: ReadonlySignal<Trace>;
  readonly self: ReadonlySignal<Float64Array>;
  readonly folds: readonly Fold[];

  readonly showCritical = signal(recall('trace.critical', true));
  readonly critical: ReadonlySignal<CriticalPath | undefined>;

  readonly filter = signal<FilterState>(noFilter);
  readonly onlyMatches = signal(false);
  readonly rows: ReadonlySignal<Int32Array>;
  readonly window = signal<TimeWindow>({ from: 0, to: 1 });
  /** Pixels above the first row in sight. */
  readonly top = signal(0);
  readonly selected = signal(-1);
  /** Instants of the selected span's events, ns since the trace's start. */
  readonly events = signal<readonly number[]>([]);
  /** Of an entry of `rows`; −1 for none. */
  readonly hoveredIndex = signal(-1);
  readonly hoveredNano = signal<number | undefined>(undefined);
  readonly measured = signal<TimeWindow | undefined>(undefined);
  readonly colouring = signal<Colouring>({
    name: '',
    values: { codes: new Uint32Array(), values: [] },
    hues: new Uint8Array(),
  });
  /** Height of the rows' area. */
  readonly height = signal(0);

  readonly #collapsed: Uint8Array;
  readonly #unfolded: Uint8Array;
  #orphansCollapsed = false;
  /** Counts changes of the three above. */
  readonly #shape = signal(0);
  #filterRun = 0;
  readonly #drawn = signal(false);

  constructor(source: TraceSource) {
    this.source = source;
    const { trace } = source;
    this.skew = clockSkew(trace);
    const fixed = this.skew === undefined ? trace : corrected(trace, this.skew);
    this.trace = computed(() => (this.correctSkew.value ? fixed : trace));
    this.totals = totalsOf(fixed);
    this.self = computed(() => selfTimes(this.trace.value));
    this.folds = findFolds(trace);
    this.#collapsed = new Uint8Array(trace.spans);
    this.#unfolded = new Uint8Array(this.folds.length);
    this.critical = computed(() => {
      return this.showCritical.value && this.#drawn.value ? criticalPath(this.trace.value) : undefined;
    });
    const kept = computed(() => {
      const { matches } = this.filter.value;
      return this.onlyMatches.value && matches !== undefined ? keptRows(trace, matches) : undefined;
    });
    this.rows = computed(() => {
      void this.#shape.value;
      return visibleRows(this.#shown(kept.value));
    });
    this.window.value = this.wholeWindow;
    this.colourBy('service', intrinsicValues(trace, 'service'));
  }

  /** What takes longer may come after the first bars. */
  afterFirstPaint(): void {
    this.#drawn.value = true;
  }

  #shown(kept: Uint8Array | undefined): Shown {
    return {
      trace: this.source.trace,
      folds: this.folds,
      unfolded: this.#unfolded,
      collapsed: this.#collapsed,
      orphansCollapsed: this.#orphansCollapsed,
      kept,
    };
  }

  get wholeWindow(): TimeWindow {
    return { from: 0, to: Math.max(this.totals.endNano, windowNanoMin) };
  }

  get isZoomed(): boolean {
    const { from, to } = this.window.value;
    return from > 0 || to < this.wholeWindow.to;
  }

  /** Whether a row has something below it, and shows it. */
  expansion(entry: number): 'open' | 'closed' | undefined {
    if (entry === missingParentsRow) return this.#orphansCollapsed ? 'closed' : 'open';
    if (entry < 0) return 'closed';
    if (this.source.trace.subtree[entry]! <= 1) return undefined;
    return this.#collapsed[entry] === 1 ? 'closed' : 'open';
  }

  toggle(entry: number): void {
    if (entry === missingParentsRow) this.#orphansCollapsed = !this.#orphansCollapsed;
    else if (entry < 0) {
      this.#unfolded[-2 - entry] = 1;
      this.selected.value = this.folds[-2 - entry]!.first;
    } else if (this.source.trace.subtree[entry]! > 1) this.#collapsed[entry] = this.#collapsed[entry] === 1 ? 0 : 1;
    this.#shape.value++;
  }

  collapseAll(): void {
    const { subtree, spans } = this.source.trace;
    for (let row = 0; row < spans; row++) this.#collapsed[row] = subtree[row]! > 1 ? 1 : 0;
    this.#unfolded.fill(0);
    this.#reshape();
  }

  expandAll(): void {
    this.#collapsed.fill(0);
    this.#reshape();
  }

  #reshape(): void {
    batch(() => {
      this.#shape.value++;
      this.scrollTo(this.top.value);
    });
  }

  /** ← : closes the row, or goes to its parent. */
  collapseOrLeave(): void {
    const row = this.selected.value;
    if (row < 0) return;
    const fold = foldOf(this.folds, row);
    if (this.expansion(row) === 'open') this.toggle(row);
    else if (fold !== -1 && this.#unfolded[fold] === 1) {
      this.#unfolded[fold] = 0;
      this.#shape.value++;
      this.select(this.source.trace.parent[row]!);
    } else if (this.source.trace.parent[row]! >= 0) this.select(this.source.trace.parent[row]!);
  }

  /** → : opens the row, or goes to its first child. */
  expandOrEnter(): void {
    const row = this.selected.value;
    if (row < 0) return;
    if (this.expansion(row) === 'closed') this.toggle(row);
    else if (this.expansion(row) === 'open') this.move(1);
  }

  /** To the span `steps` rows further down. A fold opens when it is entered. */
  move(steps: number): void {
    const rows = this.rows.value;
    const at = indexOfRow(rows, this.selected.value);
    for (let i = at === -1 ? 0 : at + steps; i >= 0 && i < rows.length; i += Math.sign(steps)) {
      const entry = rows[i]!;
      if (entry === missingParentsRow) continue;
      if (entry < 0) {
        const fold = this.folds[-2 - entry]!;
        this.toggle(entry);
        this.select(steps > 0 ? fold.first : fold.first + fold.count - 1);
      } else this.select(entry);
      return;
    }
  }

  /** Opens what hides the row, and brings it into sight. */
  select(row: number): void {
    if (row < 0 || row >= this.source.trace.spans) return;
    batch(() => {
      this.#reveal(row);
      this.selected.value = row;
      this.#scrollIntoSight(row);
    });
  }

  #reveal(row: number): void {
    let changed = false;
    const { parent } = this.source.trace;
    for (let above = parent[row]!; ; above = parent[above]!) {
      if (above < 0) {
        if (above === -2 && this.#orphansCollapsed) {
          this.#orphansCollapsed = false;
          changed = true;
        }
        break;
      }
      if (this.#collapsed[above] === 0) continue;
      this.#collapsed[above] = 0;
      changed = true;
    }
    const fold = foldOf(this.folds, row);
    if (fold !== -1 && this.#unfolded[fold] === 0) {
      this.#unfolded[fold] = 1;
      changed = true;
    }
    const { matches } = this.filter.value;
    if (this.onlyMatches.value && matches?.[row] !== 1 && indexOfRow(this.rows.value, row) === -1)
      this.onlyMatches.value = false;
    if (changed) this.#shape.value++;
  }

  #scrollIntoSight(row: number): void {
    const y = indexOfRow(this.rows.value, row) * rowHeight;
    const space = this.height.value;
    if (y < 0) return;
    if (y < this.top.value) this.scrollTo(y - rowHeight * 2);
    else if (y + rowHeight > this.top.value + space) this.scrollTo(y - space + rowHeight * 3);
  }

  get topMax(): number {
    return Math.max(0, (this.rows.value.length + 1) * rowHeight - this.height.value);
  }

  scrollTo(top: number): void {
    this.top.value = Math.max(0, Math.min(Math.round(top), this.topMax));
  }

  setWindow(from: number, to: number): void {
    const whole = this.wholeWindow;
    const length = Math.min(whole.to, Math.max(windowNanoMin, to - from));
    const start = Math.max(0, Math.min(from, whole.to - length));
    this.window.value = { from: start, to: start + length };
  }

  /** `factor` below 1 zooms in, around an instant. */
  zoom(factor: number, around: number): void {
    const { from, to } = this.window.value;
    const length = Math.max(windowNanoMin, (to - from) * factor);
    const share = (around - from) / (to - from);
    this.setWindow(around - share * length, around + (1 - share) * length);
  }

  /** By a share of the window. */
  pan(share: number): void {
    const { from, to } = this.window.value;
    this.setWindow(from + share * (to - from), to + share * (to - from));
  }

  zoomToSpan(row: number): void {
    if (row < 0) return;
    const { start, duration } = this.trace.value;
    const margin = duration[row]! * 0.05;
    this.setWindow(start[row]! - margin, start[row]! + duration[row]! + margin);
  }

  resetZoom(): void {
    this.window.value = this.wholeWindow;
  }

  selectNext(step: 1 | -1, what: 'error' | 'match'): void {
    const { trace } = this.source;
    const { matches } = this.filter.value;
    const wanted =
      what === 'error' ? (row: number) => trace.status[row] === statusError : (row: number) => matches?.[row] === 1;
    this.select(nextRow(trace.spans, this.selected.value, step, wanted));
  }

  toggleCritical(): void {
    this.showCritical.value = !this.showCritical.value;
    remember('trace.critical', this.showCritical.value);
  }

  colourBy(name: string, values: Values): void {
    const hues = new Uint8Array(values.values.length + 1);
    values.values.forEach((value, i) => {
      hues[i + 1] = stableHash(String(value)) % serviceHues.length;
    });
    this.colouring.value = { name, values, hues };
  }

  /** Values of a property by name: an intrinsic, or an attribute with its scope. */
  async values(name: string): Promise<Values> {
    return isIntrinsic(name) ? intrinsicValues(this.source.trace, name) : this.source.attribute(name);
  }

  async setFilter(text: string): Promise<void> {
    const run = ++this.#filterRun;
    const filter = parseFilter(text);
    if (filter === undefined) {
      this.filter.value = { ...noFilter, text };
      this.scrollTo(this.top.value);
      return;
    }
    this.filter.value = { ...this.filter.value, text, busy: true };
    try {
      const { trace } = this.source;
      const matches = await runFilter(trace, filter, {
        attribute: (name) => this.#attributes(name),
        find: (wanted) => this.source.find(wanted),
      });
      if (run !== this.#filterRun) return;
      let count = 0;
      for (const match of matches) count += match;
      this.filter.value = { text, matches, count, problem: '', busy: false };
    } catch (error) {
      if (run !== this.#filterRun) return;
      const problem = error instanceof Error ? error.message : String(error);
      this.filter.value = { text, matches: undefined, count: 0, problem, busy: false };
    }
    this.scrollTo(this.top.value);
  }

  async #attributes(name: string): Promise<Values[]> {
    const known = this.source.trace.attributes.filter(({ scope, key }) => name === `${scope}.${key}` || name === key);
    return Promise.all(known.map(({ scope, key }) => this.source.attribute(`${scope}.${key}`)));
  }
}
