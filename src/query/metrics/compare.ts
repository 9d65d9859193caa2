/**
 * compare(): which attribute values set the selected spans apart from the others.
 *
 * Two rounds over the fragments. The first counts how many spans of each side (baseline, selection) have each value; of
 * these the most frequent are chosen. The second counts the chosen ones by interval. So an attribute with a million
 * values costs a number a value, not a series.
 *
 * As recorded from Tempo: attributes of events and links are left out, as are ids and durations; attributes that the
 * outer filter refers to count twice; `wellKnown` attributes are counted as nil where they are missing, all others are
 * not; arrays of several elements count as nil.
 */
import type { AttributeNode, AttributeRef, FieldExpression, Intrinsic } from '../../traceql/ast.ts';
import { printAttribute } from '../../traceql/print.ts';
import type { ResultAttribute, ResultValue } from '../../traceql/result.ts';
import type { Fragment, LoadRequest } from '../../traceql/storage.ts';
import {
  type CompiledFilter,
  type CompiledGroup,
  compileFilter,
  compileGroup,
  Reads,
  type TraceRange,
} from '../expression/index.ts';
import type { MemoryBudget } from '../work.ts';
import { Accumulator } from './accumulator.ts';
import type { Grid, Selection } from './grid.ts';
import { groupLabel } from './grouping.ts';
import { labelText, nilLabel } from './labels.ts';
import { type Inspected, type MetricsPartial, mergePartials } from './partial.ts';
import type { ComparePlan } from './plan.ts';
import { sample, sampleWeight, samplingRequest } from './sampling.ts';
import type { DenseSeries } from './series.ts';
import { stageAttributes } from './span-labels.ts';
import { SpanSource } from './span-source.ts';
import { type EvaluationContext, type Visitor, visitSelected } from './visit.ts';

const sides = ['baseline', 'selection'] as const;

const intrinsics: readonly (readonly [Intrinsic, string])[] = [
  ['span:name', 'name'],
  ['span:kind', 'kind'],
  ['span:status', 'status'],
  ['span:statusMessage', 'statusMessage'],
  ['trace:rootName', 'rootName'],
  ['trace:rootService', 'rootServiceName'],
  ['instrumentation:name', 'instrumentation:name'],
  ['instrumentation:version', 'instrumentation:version'],
];

const wellKnown = {
  resource: [
    'cluster',
    'namespace',
    'pod',
    'container',
    'k8s.cluster.name',
    'k8s.namespace.name',
    'k8s.pod.name',
    'k8s.container.name',
  ],
  span: [
    'http.method',
    'http.url',
    'http.status_code',
    'http.request.method',
    'http.route',
    'url.path',
    'url.route',
    'server.address',
  ],
} as const;

/** Values of one attribute that a fragment reports; rarer ones of an attribute with more are not candidates. */
const candidatesMax = 10_000;

const noPosition = { offset: 0, line: 1, column: 1 };

interface ComparedAttribute {
  readonly ref: AttributeRef;
  readonly key: string;
  readonly weight: number;
  readonly countsMissing: boolean;
}

/** Attributes to compare by. Derived from the query and the fragment's columns alone. */
function comparedAttributes(plan: ComparePlan, fragment: Fragment): ComparedAttribute[] {
  const mentioned = mentionedAttributes(plan);
  const out: ComparedAttribute[] = [];
  const add = (ref: AttributeRef, key: string, countsMissing: boolean): void => {
    out.push({ ref, key, countsMissing, weight: mentioned.has(key) ? 2 : 1 });
  };
  for (const [intrinsic, text] of intrinsics) {
    add({ kind: 'intrinsic', intrinsic, text, pos: noPosition }, text, false);
  }
  for (const scope of ['span', 'resource', 'instrumentation'] as const) {
    const known: readonly string[] = scope === 'instrumentation' ? [] : wellKnown[scope];
    const names = new Set([...known, ...fragment.columns(scope).map((column) => column.key)]);
    for (const name of names) {
      const ref: AttributeNode = { kind: 'attribute', scope, parent: false, name, pos: noPosition };
      add(ref, printAttribute(ref), known.includes(name));
    }
  }
  return out;
}

/** Keys of the attributes that the pipeline before compare() refers to. */
function mentionedAttributes(plan: ComparePlan): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const ref of stageAttributes(plan.pipeline.stages).values()) {
    if (ref.kind === 'intrinsic') {
      keys.add(intrinsics.find(([intrinsic]) => intrinsic === ref.intrinsic)?.[1] ?? '');
    } else if (ref.scope === 'none') {
      keys.add(printAttribute({ ...ref, scope: 'span' })).add(printAttribute({ ...ref, scope: 'resource' }));
    } else {
      keys.add(printAttribute(ref));
    }
  }
  return keys;
}

/** How often an attribute has each value on each side. */
export interface ValueCounts {
  readonly key: string;
  readonly values: readonly { readonly value: ResultValue; readonly baseline: number; readonly selection: number }[];
}

/** Values to make series of, by attribute key and side. */
type Choice = ReadonlyMap<string, readonly ChosenValues[]>;

interface ChosenValues {
  /** By `valueKey`. */
  readonly values: ReadonlySet<string>;
  /** There are others. */
  readonly more: boolean;
}

interface ComparePart {
  readonly fragment: Fragment;
  readonly grid: Grid;
}

export async function runCompare(
  plan: ComparePlan,
  parts: readonly ComparePart[],
  context: EvaluationContext,
): Promise<{ readonly series: DenseSeries[]; readonly inspected: Inspected }> {
  const counts: ValueCounts[] = [];
  for (const { fragment, grid } of parts) counts.push(...(await countValues(plan, grid, fragment, context)));
  const choice = chooseValues(counts, plan.compare.topN);
  const partials: MetricsPartial[] = [];
  for (const { fragment, grid } of parts) partials.push(await countByInterval(plan, grid, fragment, choice, context));
  const shape = { combine: 'count', withCounts: false, grid: plan.grid } as const;
  const merged = mergePartials(shape, partials, context.budget);
  return { series: compareSeries(merged, choice), inspected: merged.inspected };
}

/** First round: the values of one fragment. */
export async function countValues(
  plan: ComparePlan,
  grid: Grid,
  fragment: Fragment,
  context: EvaluationContext,
): Promise<ValueCounts[]> {
  const visitor = new ValueCounter(plan, grid, fragment);
  await visitSelected(fragment, visitor, context);
  return visitor.result();
}

/** What the first round would read, for an explanation; the second reads no more. */
export const compareVisitor = (plan: ComparePlan, grid: Grid, fragment: Fragment): Visitor =>
  new ValueCounter(plan, grid, fragment);

/** What both rounds share: the selected spans, and the side each is on. */
abstract class CompareVisitor implements Visitor {
  readonly grid: Grid;
  readonly source: SpanSource;
  readonly request: LoadRequest;
  protected readonly attributes: readonly (ComparedAttribute & { readonly group: CompiledGroup })[];
  protected readonly fragment: Fragment;
  protected readonly plan: ComparePlan;
  readonly #selected: CompiledFilter;
  #mask = new Uint8Array(0);
  #codes = new Uint32Array(0);
  protected side = new Uint8Array(0);

  constructor(plan: ComparePlan, grid: Grid, fragment: Fragment, wanted: (key: string) => boolean) {
    this.grid = grid;
    this.plan = plan;
    this.fragment = fragment;
    this.source = new SpanSource(plan.pipeline, fragment);
    this.#selected = compileFilter(plan.compare.selection.expression satisfies FieldExpression, fragment);
    this.attributes = comparedAttributes(plan, fragment)
      .filter(({ key }) => wanted(key))
      .map((attribute) => ({ ...attribute, group: compileGroup(attribute.ref, fragment) }));
    const reads = new Reads().add(this.#selected.request).add(samplingRequest(plan.sampling));
    for (const { group } of this.attributes) reads.add(group.request);
    this.request = reads.request();
  }

  visit(chunk: TraceRange, selection: Selection): void {
    const { sampling } = this.plan;
    if (sampling !== undefined) sample(sampling, this.fragment, chunk, selection);
    this.#findSides(chunk, selection);
    const length = chunk.endRow - chunk.firstRow;
    if (this.#codes.length < length) this.#codes = new Uint32Array(length);
    const codes = this.#codes.subarray(0, length);
    for (let a = 0; a < this.attributes.length; a++) {
      this.attributes[a]!.group.codes(chunk, codes);
      this.add(a, codes, chunk, selection);
    }
  }

  /** Counts one attribute's codes, which are given for all rows of the chunk. */
  protected abstract add(attribute: number, codes: Uint32Array, chunk: TraceRange, selection: Selection): void;

  #findSides(chunk: TraceRange, selection: Selection): void {
    const length = chunk.endRow - chunk.firstRow;
    if (this.#mask.length < length) {
      this.#mask = new Uint8Array(length);
      this.side = new Uint8Array(length);
    }
    const mask = this.#mask.subarray(0, length);
    this.#selected.mask(chunk, mask);
    const { startUnixNano, endUnixNano } = this.plan.compare;
    const { baseUnixNano, start } = this.fragment;
    const everywhere = startUnixNano === 0n && endUnixNano === 0n;
    const from = everywhere ? Number.NEGATIVE_INFINITY : Number(startUnixNano - baseUnixNano);
    const to = everywhere ? Number.POSITIVE_INFINITY : Number(endUnixNano - baseUnixNano);
    for (let i = 0; i < selection.length; i++) {
      const row = selection.rows[i]!;
      const time = start[row]!;
      this.side[i] = time >= from && time <= to ? mask[row - chunk.firstRow]! : 0;
    }
  }
}

class ValueCounter extends CompareVisitor {
  /** By attribute: counts by code * 2 + side. */
  readonly #counts: Float64Array[];

  constructor(plan: ComparePlan, grid: Grid, fragment: Fragment) {
    super(plan, grid, fragment, () => true);
    this.#counts = this.attributes.map(() => new Float64Array(2));
  }

  protected override add(attribute: number, codes: Uint32Array, chunk: TraceRange, selection: Selection): void {
    let counts = this.#counts[attribute]!;
    const size = this.attributes[attribute]!.group.codeCount * 2;
    if (counts.length < size) {
      const grown = new Float64Array(Math.max(size, counts.length * 2));
      grown.set(counts);
      counts = this.#counts[attribute] = grown;
    }
    const { side } = this;
    for (let i = 0; i < selection.length; i++) {
      counts[codes[selection.rows[i]! - chunk.firstRow]! * 2 + side[i]!]!++;
    }
  }

  result(): ValueCounts[] {
    const weight = sampleWeight(this.plan.sampling);
    return this.attributes.map(({ key, group, countsMissing, weight: own }, a) => {
      const counts = this.#counts[a]!;
      const codes: number[] = [];
      for (let code = countsMissing ? 0 : 1; code * 2 < counts.length; code++) {
        if (counts[code * 2]! + counts[code * 2 + 1]! > 0) codes.push(code);
      }
      if (codes.length > candidatesMax) {
        codes.sort((x, y) => counts[y * 2]! + counts[y * 2 + 1]! - counts[x * 2]! - counts[x * 2 + 1]! || x - y);
        codes.length = candidatesMax;
      }
      const values = codes.map((code) => ({
        value: groupLabel(group, code) ?? nilLabel,
        baseline: counts[code * 2]! * weight * own,
        selection: counts[code * 2 + 1]! * weight * own,
      }));
      return { key, values };
    });
  }
}

/** The `topN` most frequent values of each attribute and side, of equally frequent ones those first by text. */
function chooseValues(counts: readonly ValueCounts[], topN: number): Choice {
  const totals = new Map<string, Map<string, { value: ResultValue; total: [number, number] }>>();
  for (const { key, values } of counts) {
    let ofKey = totals.get(key);
    if (ofKey === undefined) totals.set(key, (ofKey = new Map()));
    for (const { value, baseline, selection } of values) {
      const text = valueKey(value);
      let one = ofKey.get(text);
      if (one === undefined) ofKey.set(text, (one = { value, total: [0, 0] }));
      one.total[0] += baseline;
      one.total[1] += selection;
    }
  }
  const choice = new Map<string, ChosenValues[]>();
  for (const [key, values] of totals) {
    choice.set(
      key,
      sides.map((_, side) => {
        const present = Array.from(values.values()).filter(({ total }) => total[side]! > 0);
        present.sort((a, b) => b.total[side]! - a.total[side]! || (labelText(a.value) < labelText(b.value) ? -1 : 1));
        const chosen = present.slice(0, topN).map(({ value }) => valueKey(value));
        return { values: new Set(chosen), more: present.length > topN };
      }),
    );
  }
  return choice;
}

const valueKey = (value: ResultValue): string => `${value.type} ${labelText(value)}`;

/** Rows of the second round: slot = side for values, 2 + side for totals. */
const totalSlot = 2;

async function countByInterval(
  plan: ComparePlan,
  grid: Grid,
  fragment: Fragment,
  choice: Choice,
  context: EvaluationContext,
): Promise<MetricsPartial> {
  const visitor = new IntervalCounter(plan, grid, fragment, choice, context.budget);
  return visitor.finish(await visitSelected(fragment, visitor, context));
}

/** Rows that are not, or not yet, in the accumulator. */
const Row = { none: -1, unknown: -2 } as const;

class IntervalCounter extends CompareVisitor {
  readonly #accumulator: Accumulator;
  readonly #choice: Choice;
  /** By attribute: accumulator row by code * 2 + side. */
  readonly #rowOf: Int32Array[];
  /** Accumulator row of the total by attribute * 2 + side. */
  readonly #totalOf: Int32Array;
  readonly #valueRows = new SelectedRows();
  readonly #totalRows = new SelectedRows();

  constructor(plan: ComparePlan, grid: Grid, fragment: Fragment, choice: Choice, budget: MemoryBudget) {
    super(plan, grid, fragment, (key) => choice.has(key));
    this.#choice = choice;
    this.#accumulator = new Accumulator({ combine: 'count', grid, withCounts: false, budget });
    this.#rowOf = this.attributes.map(() => new Int32Array(0));
    this.#totalOf = new Int32Array(this.attributes.length * 2).fill(Row.unknown);
  }

  protected override add(attribute: number, codes: Uint32Array, chunk: TraceRange, selection: Selection): void {
    const { group, countsMissing, weight } = this.attributes[attribute]!;
    let rowOf = this.#rowOf[attribute]!;
    if (rowOf.length < group.codeCount * 2) {
      const grown = new Int32Array(Math.max(group.codeCount * 2, rowOf.length * 2)).fill(Row.unknown);
      grown.set(rowOf);
      rowOf = this.#rowOf[attribute] = grown;
    }
    const valueRows = this.#valueRows.reset(selection);
    const totalRows = this.#totalRows.reset(selection);
    for (let i = 0; i < selection.length; i++) {
      const code = codes[selection.rows[i]! - chunk.firstRow]!;
      if (code === 0 && !countsMissing) continue;
      const side = this.side[i]!;
      const interval = selection.interval[i]!;
      let total = this.#totalOf[attribute * 2 + side]!;
      if (total === Row.unknown) {
        total = this.#accumulator.row(this.#group(attribute, nilLabel), totalSlot + side);
        this.#totalOf[attribute * 2 + side] = total;
      }
      totalRows.push(total, interval);
      let row = rowOf[code * 2 + side]!;
      if (row === Row.unknown) row = rowOf[code * 2 + side] = this.#findRow(attribute, code, side);
      if (row !== Row.none) valueRows.push(row, interval);
    }
    const scale = weight * sampleWeight(this.plan.sampling);
    this.#accumulator.addCounts(valueRows, valueRows.rows, scale);
    this.#accumulator.addCounts(totalRows, totalRows.rows, scale);
  }

  #group(attribute: number, value: ResultValue): number {
    return this.#accumulator.group([{ key: this.attributes[attribute]!.key, value }]);
  }

  #findRow(attribute: number, code: number, side: number): number {
    const { key, group } = this.attributes[attribute]!;
    const value = groupLabel(group, code) ?? nilLabel;
    const isChosen = this.#choice.get(key)![side]!.values.has(valueKey(value));
    return isChosen ? this.#accumulator.row(this.#group(attribute, value), side) : Row.none;
  }

  finish(inspected: Inspected): MetricsPartial {
    return this.#accumulator.finish(undefined, inspected);
  }
}

/** Accumulator rows and intervals of some of the selected spans. */
class SelectedRows {
  rows = new Uint32Array(0);
  interval = new Uint32Array(0);
  length = 0;

  reset(selection: Selection): this {
    if (this.rows.length < selection.length) {
      this.rows = new Uint32Array(selection.rows.length);
      this.interval = new Uint32Array(selection.rows.length);
    }
    this.length = 0;
    return this;
  }

  push(row: number, interval: number): void {
    this.rows[this.length] = row;
    this.interval[this.length++] = interval;
  }
}

const text = (key: string, value: string): ResultAttribute => ({ key, value: { type: 'string', value } });

function compareSeries(partial: MetricsPartial, choice: Choice): DenseSeries[] {
  const { intervals } = partial;
  const series: DenseSeries[] = [];
  partial.rowGroup.forEach((group, row) => {
    const slot = partial.rowSlot[row]!;
    const side = sides[slot % totalSlot]!;
    series.push({
      labels: [text('__meta_type', slot < totalSlot ? side : `${side}_total`), ...partial.groups[group]!.labels],
      values: partial.values.slice(row * intervals, (row + 1) * intervals),
      exemplars: [],
    });
  });
  for (const [key, chosen] of choice) {
    sides.forEach((side, s) => {
      if (!chosen[s]!.more) return;
      series.push({
        labels: [text('__meta_type', side), text('__meta_error', '__too_many_values__'), { key, value: nilLabel }],
        values: new Float64Array(intervals),
        exemplars: [],
      });
    });
  }
  return series;
}
