/**
 * Spans in arrival order as dictionary-coded columns: what the wire scanner fills, what live queries read and what a
 * block is built from. Append-only; rows below a published count never change. All large arrays are views of
 * SharedArrayBuffers, so that another thread reads them without a copy while this one appends behind (`share()`); the
 * writer replaces an array by a larger copy when it is full, and old views stay valid.
 *
 * A value is a number. All attribute values of a table, whatever their key, share one code space:
 *
 *   span row ── attrEnd ──► attrs: [ 17, 4, 902, … ]        value ids, one per attribute
 *                                    │
 *   value id 17 ── valueColumn ──► column 3 = (span, "http.route", string)
 *              ├── valueLocal  ──► 5: it is the 6th distinct value of that column, by first appearance
 *              └── valueOffset, valueLength ──► its bytes in the arena
 *
 * so that an attribute costs four bytes a span and a new key costs nothing per row. Value bytes by type: `string` UTF-8,
 * `int` 8 bytes little-endian two's complement, `double` 8 bytes little-endian, `bool` 1 byte, `any` AnyValue protobuf.
 *
 * Fields of OTLP that are rarely set (traceState, flags, dropped counts …) are columns too, of a `…Field` scope; see
 * {@link FieldKeys}. A field at its default value is not stored. Value id 0 means "none".
 */
import { assert } from '../base/assert.ts';
import { invalid } from '../base/errors.ts';
import type { TableColumnScope, ValueType } from './columns.ts';

/** Every field column that exists, with its type. */
export const FieldKeys = {
  spanField: {
    name: 'string',
    statusMessage: 'string',
    traceState: 'string',
    flags: 'int',
    droppedAttributesCount: 'int',
    droppedEventsCount: 'int',
    droppedLinksCount: 'int',
    /** AnyValue kvlist: attributes whose key and type the span already has. */
    duplicateAttributes: 'any',
  },
  eventField: { name: 'string', droppedAttributesCount: 'int', duplicateAttributes: 'any' },
  linkField: { traceState: 'string', flags: 'int', droppedAttributesCount: 'int', duplicateAttributes: 'any' },
  resourceField: {
    resourceSchemaUrl: 'string',
    resourceDroppedAttributesCount: 'int',
    /** AnyValue array of bytes values, each an EntityRef message. */
    entityRefs: 'any',
    resourceDuplicateAttributes: 'any',
    scopeName: 'string',
    scopeVersion: 'string',
    scopeSchemaUrl: 'string',
    scopeDroppedAttributesCount: 'int',
    scopeDuplicateAttributes: 'any',
  },
} as const satisfies Record<string, Record<string, ValueType>>;

export interface TableColumn {
  readonly scope: TableColumnScope;
  readonly key: string;
  readonly type: ValueType;
}

/** The arrays of a table; see the picture above. 64-bit numbers are pairs of words, low word first. */
export interface SpanTableData {
  readonly spanCount: number;
  readonly traceCount: number;
  readonly eventCount: number;
  readonly linkCount: number;
  readonly resourceCount: number;
  readonly attrCount: number;
  readonly eventAttrCount: number;
  readonly linkAttrCount: number;
  readonly resourceAttrCount: number;
  /** Number of value ids in use; ids run from 1 to valueCount - 1. */
  readonly valueCount: number;
  readonly columns: readonly TableColumn[];

  /** 4 words a trace: the 16 id bytes as they are in memory. A trace may have no spans (rolled back). */
  readonly traceIds: Uint32Array;

  // per span
  /** Index into traceIds. */
  readonly trace: Uint32Array;
  /** 2 words: the 8 id bytes as they are in memory. */
  readonly spanId: Uint32Array;
  /** 2 words; both 0 when there is no parent. */
  readonly parentId: Uint32Array;
  /** 2 words: Unix ns. */
  readonly start: Uint32Array;
  readonly end: Uint32Array;
  /** Value id of (spanField, name). Never 0: an empty name is a value too. */
  readonly name: Uint32Array;
  /** kind in the low 4 bits, status code in the high 4. Unknown numbers are stored as 0. */
  readonly kindStatus: Uint8Array;
  readonly resource: Uint32Array;
  /** End (exclusive) of the span's run in attrs, which starts where the previous span's ends. */
  readonly attrEnd: Uint32Array;
  readonly eventEnd: Uint32Array;
  readonly linkEnd: Uint32Array;
  readonly attrs: Uint32Array;

  // per event, in the order of their spans
  readonly eventTime: Uint32Array;
  /** Value id of (eventField, name). */
  readonly eventName: Uint32Array;
  readonly eventAttrEnd: Uint32Array;
  readonly eventAttrs: Uint32Array;

  // per link
  /** 4 words; zeros when missing. */
  readonly linkTraceId: Uint32Array;
  readonly linkSpanId: Uint32Array;
  readonly linkAttrEnd: Uint32Array;
  readonly linkAttrs: Uint32Array;

  // per resource row: a distinct (resource, scope) pair
  readonly resourceAttrEnd: Uint32Array;
  readonly resourceAttrs: Uint32Array;

  // per value id
  readonly valueColumn: Uint32Array;
  readonly valueLocal: Uint32Array;
  readonly valueOffset: Uint32Array;
  readonly valueLength: Uint32Array;
  readonly arena: Uint8Array;
}

/** Row counts to return to; dictionary entries made since stay and do no harm. */
export interface TableMark {
  readonly spanCount: number;
  readonly eventCount: number;
  readonly linkCount: number;
  readonly attrCount: number;
  readonly eventAttrCount: number;
  readonly linkAttrCount: number;
}

const growU32 = (old: Uint32Array, need: number): Uint32Array => {
  const grown = new Uint32Array(new SharedArrayBuffer(Math.max(old.length * 2, need + 16) * 4));
  grown.set(old);
  return grown;
};
const growU8 = (old: Uint8Array, need: number): Uint8Array => {
  const grown = new Uint8Array(new SharedArrayBuffer(Math.max(old.length * 2, need + 64)));
  grown.set(old);
  return grown;
};
const u32 = (n: number): Uint32Array => new Uint32Array(new SharedArrayBuffer(n * 4));

/** Mixes four bytes into a hash. */
const mix = (h: number, word: number): number => {
  const m = Math.imul(h ^ word, 0x85ebca6b);
  return m ^ (m >>> 15);
};
const seedOf = (column: number, length: number): number =>
  Math.imul(column + 1, 0x9e3779b1) ^ Math.imul(length, 0x27d4eb2f);
const finish = (h: number): number => {
  const m = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return m ^ (m >>> 16);
};

/** Up to three bytes as a word. */
const shortWord = (view: DataView, offset: number, length: number): number => {
  let word = 0;
  for (let i = 0; i < length; i++) word = (word << 8) | view.getUint8(offset + i);
  return word;
};

/** 32-bit hash of a run of bytes: words, the last of which overlaps the one before when there are odd bytes. */
export function hashBytes(view: DataView, offset: number, length: number, seed: number): number {
  if (length < 4) return finish(mix(seed, shortWord(view, offset, length)));
  const last = offset + length - 4;
  let h = seed;
  for (let i = offset; i < last; i += 4) h = mix(h, view.getInt32(i, true));
  return finish(mix(h, view.getInt32(last, true)));
}

/** Whether two runs of bytes are the same. */
export function sameBytes(a: DataView, aOffset: number, b: DataView, bOffset: number, length: number): boolean {
  if (length < 4) return shortWord(a, aOffset, length) === shortWord(b, bOffset, length);
  const last = length - 4;
  for (let i = 0; i < last; i += 4) if (a.getInt32(aOffset + i, true) !== b.getInt32(bOffset + i, true)) return false;
  return a.getInt32(aOffset + last, true) === b.getInt32(bOffset + last, true);
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export class SpanTable implements SpanTableData {
  spanCount = 0;
  traceCount = 0;
  eventCount = 0;
  linkCount = 0;
  resourceCount = 0;
  attrCount = 0;
  eventAttrCount = 0;
  linkAttrCount = 0;
  resourceAttrCount = 0;
  valueCount = 1;
  arenaLength = 0;
  readonly columns: TableColumn[] = [];
  /** A column beyond these is refused; whoever sets it sets it back. */
  columnsMax = Number.POSITIVE_INFINITY;
  /** Distinct values per column so far. */
  readonly columnSize: number[] = [];

  traceIds: Uint32Array;
  trace: Uint32Array;
  spanId: Uint32Array;
  parentId: Uint32Array;
  start: Uint32Array;
  end: Uint32Array;
  name: Uint32Array;
  kindStatus: Uint8Array;
  resource: Uint32Array;
  attrEnd: Uint32Array;
  eventEnd: Uint32Array;
  linkEnd: Uint32Array;
  attrs: Uint32Array;
  eventTime: Uint32Array;
  eventName: Uint32Array;
  eventAttrEnd: Uint32Array;
  eventAttrs: Uint32Array;
  linkTraceId: Uint32Array;
  linkSpanId: Uint32Array;
  linkAttrEnd: Uint32Array;
  linkAttrs: Uint32Array;
  resourceAttrEnd: Uint32Array;
  resourceAttrs: Uint32Array;
  valueColumn: Uint32Array;
  valueLocal: Uint32Array;
  valueOffset: Uint32Array;
  valueLength: Uint32Array;
  arena: Uint8Array;

  #arenaView: DataView;

  // Open-addressing tables of this thread. Values: pairs of id (0 = free) and full hash, which skips most byte compares.
  #valueSlots: Int32Array;
  // Traces: index + 1.
  #traceSlots = new Int32Array(1 << 11);
  readonly #columnIds = new Map<string, number>();

  /**
   * The table grows when it must, which copies; so it starts with room for `spans`, or for a tenth more than what a table
   * of the same tenant before it came to hold. That one may take no more rows: its hash slots are used again.
   */
  constructor(spans = 4096, before?: SpanTable) {
    const room = (least: number, held: number | undefined): number => Math.max(least, Math.ceil((held ?? 0) * 1.1));
    const rows = room(spans, before?.spanCount);
    this.traceIds = u32(room((spans >> 3) + 16, before?.traceCount) * 4);
    this.trace = u32(rows);
    this.spanId = u32(rows * 2);
    this.parentId = u32(rows * 2);
    this.start = u32(rows * 2);
    this.end = u32(rows * 2);
    this.name = u32(rows);
    this.kindStatus = new Uint8Array(new SharedArrayBuffer(rows));
    this.resource = u32(rows);
    this.attrEnd = u32(rows);
    this.eventEnd = u32(rows);
    this.linkEnd = u32(rows);
    this.attrs = u32(room(spans * 12, before?.attrCount));
    const events = room(256, before?.eventCount);
    this.eventTime = u32(events * 2);
    this.eventName = u32(events);
    this.eventAttrEnd = u32(events);
    this.eventAttrs = u32(room(1024, before?.eventAttrCount));
    const links = room(128, before?.linkCount);
    this.linkTraceId = u32(links * 4);
    this.linkSpanId = u32(links * 2);
    this.linkAttrEnd = u32(links);
    this.linkAttrs = u32(room(256, before?.linkAttrCount));
    this.resourceAttrEnd = u32(room(256, before?.resourceCount));
    this.resourceAttrs = u32(room(4096, before?.resourceAttrCount));
    const values = room(4096, before?.valueCount);
    this.valueColumn = u32(values);
    this.valueLocal = u32(values);
    this.valueOffset = u32(values);
    this.valueLength = u32(values);
    this.arena = new Uint8Array(new SharedArrayBuffer(room(1 << 16, before?.arenaLength)));
    this.#valueSlots = before?.takeValueSlots() ?? new Int32Array(1 << 14);
    this.#arenaView = viewOf(this.arena);
  }

  /** Emptied, for a table that comes after this one; undefined when another took them before. */
  takeValueSlots(): Int32Array | undefined {
    const slots = this.#valueSlots;
    if (slots.length === 0) return undefined;
    this.#valueSlots = new Int32Array(0);
    slots.fill(0);
    return slots;
  }

  /** Id of a column, made when new. @throws RubatoError `too_many_keys` above {@link columnsMax} */
  column(scope: TableColumnScope, key: string, type: ValueType): number {
    const name = `${scope}\0${type}\0${key}`;
    let id = this.#columnIds.get(name);
    if (id === undefined) {
      id = this.columns.length;
      if (id >= this.columnsMax)
        throw invalid(
          'too_many_keys',
          'the attributes have more keys that were not seen before than a request may bring',
        );
      this.columns.push({ scope, key, type });
      this.columnSize.push(0);
      this.#columnIds.set(name, id);
    }
    return id;
  }

  /** Value id of the bytes in a column, made when new. The bytes are copied. */
  value(column: number, bytes: Uint8Array, offset: number, length: number): number {
    return this.valueAt(column, viewOf(bytes), offset, length);
  }

  /** The same for callers that keep a view of their bytes. */
  valueAt(column: number, view: DataView, offset: number, length: number): number {
    const hash = hashBytes(view, offset, length, seedOf(column, length));
    const slots = this.#valueSlots;
    const mask = slots.length - 1;
    let slot = (hash << 1) & mask;
    for (let id = slots[slot]!; id > 0; id = slots[slot]!) {
      if (slots[slot + 1] === hash && this.valueColumn[id] === column && this.isValueAt(id, view, offset, length))
        return id;
      slot = (slot + 2) & mask;
    }
    const at = this.#addValue(column, length, slot, hash);
    if (length > 64) this.arena.set(new Uint8Array(view.buffer, view.byteOffset + offset, length), at);
    else {
      const arenaView = this.#arenaView;
      let i = 0;
      for (; i + 4 <= length; i += 4) arenaView.setInt32(at + i, view.getInt32(offset + i, true), true);
      for (; i < length; i++) arenaView.setUint8(at + i, view.getUint8(offset + i));
    }
    return this.valueCount - 1;
  }

  /** The same for values of eight bytes (ints and doubles), low word first. */
  valueWords(column: number, low: number, high: number): number {
    const hash = finish(mix(mix(seedOf(column, 8), low), high));
    const slots = this.#valueSlots;
    const mask = slots.length - 1;
    let slot = (hash << 1) & mask;
    for (let id = slots[slot]!; id > 0; id = slots[slot]!) {
      if (slots[slot + 1] === hash && this.valueColumn[id] === column && this.isValueWords(id, low, high)) return id;
      slot = (slot + 2) & mask;
    }
    const at = this.#addValue(column, 8, slot, hash);
    this.#arenaView.setInt32(at, low, true);
    this.#arenaView.setInt32(at + 4, high, true);
    return this.valueCount - 1;
  }

  /** Whether a value has these bytes. */
  isValueAt(id: number, view: DataView, offset: number, length: number): boolean {
    return this.valueLength[id] === length && sameBytes(this.#arenaView, this.valueOffset[id]!, view, offset, length);
  }

  /** Whether a value of eight bytes has these words. */
  isValueWords(id: number, low: number, high: number): boolean {
    const at = this.valueOffset[id]!;
    return (
      this.valueLength[id] === 8 &&
      this.#arenaView.getInt32(at, true) === (low | 0) &&
      this.#arenaView.getInt32(at + 4, true) === (high | 0)
    );
  }

  /** A new value without bytes; returns where in the arena they go. */
  #addValue(column: number, length: number, freeSlot: number, hash: number): number {
    assert(this.#valueSlots.length > 0, 'a table takes no more rows once another came after it');
    const id = this.valueCount++;
    if (id >= this.valueColumn.length) this.#growValues(id + 1);
    const at = this.arenaLength;
    if (at + length > this.arena.length) {
      this.arena = growU8(this.arena, at + length);
      this.#arenaView = viewOf(this.arena);
    }
    this.arenaLength = at + length;
    this.valueColumn[id] = column;
    this.valueLocal[id] = this.columnSize[column]!++;
    this.valueOffset[id] = at;
    this.valueLength[id] = length;
    this.#valueSlots[freeSlot] = id;
    this.#valueSlots[freeSlot + 1] = hash;
    if (this.valueCount * 4 > this.#valueSlots.length) this.#growValueSlots();
    return at;
  }

  /** Index of a trace id (16 bytes), made when new. */
  traceIndex(bytes: Uint8Array, offset: number): number {
    return this.traceIndexOf(
      word(bytes, offset),
      word(bytes, offset + 4),
      word(bytes, offset + 8),
      word(bytes, offset + 12),
    );
  }

  /** The same for a trace id as four unsigned words, each with its first byte lowest. */
  traceIndexOf(w0: number, w1: number, w2: number, w3: number): number {
    const slot = this.#traceSlot(w0, w1, w2, w3);
    const found = this.#traceSlots[slot]!;
    if (found !== 0) return found - 1;
    const index = this.traceCount++;
    if (index * 4 + 4 > this.traceIds.length) this.traceIds = growU32(this.traceIds, index * 4 + 4);
    this.traceIds[index * 4] = w0;
    this.traceIds[index * 4 + 1] = w1;
    this.traceIds[index * 4 + 2] = w2;
    this.traceIds[index * 4 + 3] = w3;
    this.#traceSlots[slot] = index + 1;
    if (this.traceCount * 2 > this.#traceSlots.length) this.#growTraceSlots();
    return index;
  }

  /** Index of a known trace id, or -1. */
  findTrace(bytes: Uint8Array, offset = 0): number {
    const slot = this.#traceSlot(
      word(bytes, offset),
      word(bytes, offset + 4),
      word(bytes, offset + 8),
      word(bytes, offset + 12),
    );
    return this.#traceSlots[slot]! - 1;
  }

  /** Where the id is in the hash table, or the free place where it belongs. */
  #traceSlot(w0: number, w1: number, w2: number, w3: number): number {
    const slots = this.#traceSlots;
    const ids = this.traceIds;
    const mask = slots.length - 1;
    let slot = traceHash(w0, w1, w2, w3) & mask;
    for (let found = slots[slot]!; found !== 0; found = slots[slot]!) {
      const p = (found - 1) * 4;
      if (ids[p + 3] === w3 && ids[p + 2] === w2 && ids[p + 1] === w1 && ids[p] === w0) return slot;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  /** Makes room for one more span; the caller writes the arrays at row `spanCount` and then counts it. */
  reserveSpan(): number {
    const row = this.spanCount;
    if (row >= this.trace.length) this.#growSpans(row + 1);
    return row;
  }

  /** Makes room for one more event, returns its row. */
  reserveEvent(): number {
    const row = this.eventCount;
    if (row >= this.eventName.length) {
      this.eventTime = growU32(this.eventTime, row * 2 + 2);
      this.eventName = growU32(this.eventName, row + 1);
      this.eventAttrEnd = growU32(this.eventAttrEnd, row + 1);
    }
    return row;
  }

  /** Makes room for one more link, returns its row. */
  reserveLink(): number {
    const row = this.linkCount;
    if (row >= this.linkAttrEnd.length) {
      this.linkTraceId = growU32(this.linkTraceId, row * 4 + 4);
      this.linkSpanId = growU32(this.linkSpanId, row * 2 + 2);
      this.linkAttrEnd = growU32(this.linkAttrEnd, row + 1);
    }
    return row;
  }

  pushAttr(valueId: number): void {
    if (this.attrCount >= this.attrs.length) this.attrs = growU32(this.attrs, this.attrCount + 1);
    this.attrs[this.attrCount++] = valueId;
  }

  pushEventAttr(valueId: number): void {
    if (this.eventAttrCount >= this.eventAttrs.length)
      this.eventAttrs = growU32(this.eventAttrs, this.eventAttrCount + 1);
    this.eventAttrs[this.eventAttrCount++] = valueId;
  }

  pushLinkAttr(valueId: number): void {
    if (this.linkAttrCount >= this.linkAttrs.length) this.linkAttrs = growU32(this.linkAttrs, this.linkAttrCount + 1);
    this.linkAttrs[this.linkAttrCount++] = valueId;
  }

  /** Adds a resource row with these value ids; the caller finds equal ones again. */
  addResource(valueIds: readonly number[]): number {
    const row = this.resourceCount++;
    if (row >= this.resourceAttrEnd.length) this.resourceAttrEnd = growU32(this.resourceAttrEnd, row + 1);
    const need = this.resourceAttrCount + valueIds.length;
    if (need > this.resourceAttrs.length) this.resourceAttrs = growU32(this.resourceAttrs, need);
    for (const id of valueIds) this.resourceAttrs[this.resourceAttrCount++] = id;
    this.resourceAttrEnd[row] = this.resourceAttrCount;
    return row;
  }

  mark(): TableMark {
    const { spanCount, eventCount, linkCount, attrCount, eventAttrCount, linkAttrCount } = this;
    return { spanCount, eventCount, linkCount, attrCount, eventAttrCount, linkAttrCount };
  }

  /** Forgets all rows since the mark. */
  rollback(mark: TableMark): void {
    assert(mark.spanCount <= this.spanCount, 'rollback goes back');
    this.spanCount = mark.spanCount;
    this.eventCount = mark.eventCount;
    this.linkCount = mark.linkCount;
    this.attrCount = mark.attrCount;
    this.eventAttrCount = mark.eventAttrCount;
    this.linkAttrCount = mark.linkAttrCount;
  }

  /** The arrays for another thread, with the rows up to `mark` (default: all). Only references are copied. */
  share(mark: TableMark = this.mark()): SpanTableData {
    return {
      ...mark,
      traceCount: this.traceCount,
      resourceCount: this.resourceCount,
      resourceAttrCount: this.resourceAttrCount,
      valueCount: this.valueCount,
      columns: this.columns.slice(),
      traceIds: this.traceIds,
      trace: this.trace,
      spanId: this.spanId,
      parentId: this.parentId,
      start: this.start,
      end: this.end,
      name: this.name,
      kindStatus: this.kindStatus,
      resource: this.resource,
      attrEnd: this.attrEnd,
      eventEnd: this.eventEnd,
      linkEnd: this.linkEnd,
      attrs: this.attrs,
      eventTime: this.eventTime,
      eventName: this.eventName,
      eventAttrEnd: this.eventAttrEnd,
      eventAttrs: this.eventAttrs,
      linkTraceId: this.linkTraceId,
      linkSpanId: this.linkSpanId,
      linkAttrEnd: this.linkAttrEnd,
      linkAttrs: this.linkAttrs,
      resourceAttrEnd: this.resourceAttrEnd,
      resourceAttrs: this.resourceAttrs,
      valueColumn: this.valueColumn,
      valueLocal: this.valueLocal,
      valueOffset: this.valueOffset,
      valueLength: this.valueLength,
      arena: this.arena,
    };
  }

  #growValueSlots(): void {
    const old = this.#valueSlots;
    const slots = new Int32Array(old.length * 2);
    const mask = slots.length - 1;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i] === 0) continue;
      let slot = (old[i + 1]! << 1) & mask;
      while (slots[slot] !== 0) slot = (slot + 2) & mask;
      slots[slot] = old[i]!;
      slots[slot + 1] = old[i + 1]!;
    }
    this.#valueSlots = slots;
  }

  #growTraceSlots(): void {
    const ids = this.traceIds;
    this.#traceSlots = new Int32Array(this.#traceSlots.length * 2);
    for (let t = 0; t < this.traceCount; t++) {
      const slot = this.#traceSlot(ids[t * 4]!, ids[t * 4 + 1]!, ids[t * 4 + 2]!, ids[t * 4 + 3]!);
      this.#traceSlots[slot] = t + 1;
    }
  }

  #growValues(need: number): void {
    this.valueColumn = growU32(this.valueColumn, need);
    this.valueLocal = growU32(this.valueLocal, need);
    this.valueOffset = growU32(this.valueOffset, need);
    this.valueLength = growU32(this.valueLength, need);
  }

  #growSpans(need: number): void {
    this.trace = growU32(this.trace, need);
    const rows = this.trace.length;
    this.spanId = growU32(this.spanId, rows * 2);
    this.parentId = growU32(this.parentId, rows * 2);
    this.start = growU32(this.start, rows * 2);
    this.end = growU32(this.end, rows * 2);
    this.name = growU32(this.name, rows);
    this.kindStatus = growU8(this.kindStatus, rows);
    this.resource = growU32(this.resource, rows);
    this.attrEnd = growU32(this.attrEnd, rows);
    this.eventEnd = growU32(this.eventEnd, rows);
    this.linkEnd = growU32(this.linkEnd, rows);
  }
}

const word = (b: Uint8Array, o: number): number =>
  (b[o]! | (b[o + 1]! << 8) | (b[o + 2]! << 16) | (b[o + 3]! << 24)) >>> 0;

function traceHash(w0: number, w1: number, w2: number, w3: number): number {
  let h = w3 ^ Math.imul(w2, 0x9e3779b1) ^ Math.imul(w1, 0x85ebca6b) ^ w0;
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
  return h ^ (h >>> 13);
}
