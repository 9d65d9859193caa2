/**
 * What a generator knows of one span table: which columns hold something it wants, the bytes that every value takes in
 * protobuf, and what resources say. Worked out once for each column, distinct value and resource row; a span then costs
 * a look at each of its attributes' codes.
 *
 *   attrs of a span: [17, 4, 902] ── valueColumn ─► slotOfColumn ─► found[slot] = 4
 *
 * The table grows while it is looked at: {@link TableView.update} takes its newest arrays.
 */
import { SpanTable, type SpanTableData, type TableColumn } from '../model/span-table.ts';
import { spanBytes, ValueSizes } from './span-bytes.ts';
import { valueText } from './value-text.ts';

/** The attributes that processors ask for, numbered. A key in columns of several types is one slot. */
export class SlotPlan {
  readonly #slots = new Map<string, number>();

  /** Of span attributes, or of fields of spans. */
  span(key: string, scope: 'span' | 'spanField' = 'span'): number {
    return this.#slot(scope, key);
  }

  resource(key: string): number {
    return this.#slot('resource', key);
  }

  /** -1 when nobody wants the column. */
  of({ scope, key }: TableColumn): number {
    return this.#slots.get(`${scope}\u0000${key}`) ?? -1;
  }

  get count(): number {
    return this.#slots.size;
  }

  #slot(scope: string, key: string): number {
    const name = `${scope}\u0000${key}`;
    let slot = this.#slots.get(name);
    if (slot === undefined) this.#slots.set(name, (slot = this.#slots.size));
    return slot;
  }
}

/** A table without rows stands for one that is not looked at now. */
const released: SpanTableData = new SpanTable(0);

export class TableView {
  data: SpanTableData = released;
  /** By slot: the value id that the span last read by {@link readSpan} has, or its resource; 0 = none. */
  readonly found: Uint32Array;
  /** What processors keep for this table, each under its own object. */
  readonly kept = new Map<object, unknown>();
  readonly #plan: SlotPlan;
  readonly #sizes = new ValueSizes();
  #slotOfColumn = new Int32Array(64);
  #columns = 0;
  #resources = 0;
  /** By resource row and slot. */
  #resourceFound = new Uint32Array(0);
  readonly #texts: (string | undefined)[] = [];

  constructor(plan: SlotPlan) {
    this.#plan = plan;
    this.found = new Uint32Array(plan.count);
  }

  update(data: SpanTableData): void {
    this.data = data;
    if (data.columns.length > this.#slotOfColumn.length) {
      const larger = new Int32Array(data.columns.length * 2);
      larger.set(this.#slotOfColumn);
      this.#slotOfColumn = larger;
    }
    for (; this.#columns < data.columns.length; this.#columns++)
      this.#slotOfColumn[this.#columns] = this.#plan.of(data.columns[this.#columns]!);
    this.#sizes.update(data);
    this.#readResources(data);
  }

  /** Lets go of the table's memory until the next update. */
  release(): void {
    this.data = released;
  }

  /** Fills `found`. Returns the span's bytes in protobuf. */
  readSpan(row: number): number {
    const { found, data } = this;
    const { attrs, attrEnd, valueColumn } = data;
    const slotOfColumn = this.#slotOfColumn;
    const base = data.resource[row]! * found.length;
    for (let slot = 0; slot < found.length; slot++) found[slot] = this.#resourceFound[base + slot]!;
    const end = attrEnd[row]!;
    for (let i = row === 0 ? 0 : attrEnd[row - 1]!; i < end; i++) {
      const id = attrs[i]!;
      const slot = slotOfColumn[valueColumn[id]!]!;
      if (slot >= 0) found[slot] = id;
    }
    return spanBytes(data, this.#sizes, row);
  }

  /** Of a slot in a resource row; 0 = none. */
  resourceValue(row: number, slot: number): number {
    return this.#resourceFound[row * this.found.length + slot]!;
  }

  /** Undefined for value id 0 and for text that is not UTF-8. */
  text(id: number): string | undefined {
    if (id === 0) return undefined;
    return (this.#texts[id] ??= valueText(this.data, id));
  }

  #readResources(data: SpanTableData): void {
    const width = this.found.length;
    const need = data.resourceCount * width;
    if (need > this.#resourceFound.length) {
      const larger = new Uint32Array(Math.max(need, this.#resourceFound.length * 2));
      larger.set(this.#resourceFound);
      this.#resourceFound = larger;
    }
    for (; this.#resources < data.resourceCount; this.#resources++) {
      const row = this.#resources;
      const end = data.resourceAttrEnd[row]!;
      for (let i = row === 0 ? 0 : data.resourceAttrEnd[row - 1]!; i < end; i++) {
        const id = data.resourceAttrs[i]!;
        const slot = this.#slotOfColumn[data.valueColumn[id]!]!;
        if (slot >= 0) this.#resourceFound[row * width + slot] = id;
      }
    }
  }
}
