/**
 * Puts the spans of one trace in depth-first order. Works on indexes local to the trace, 0 … length - 1 in order of start,
 * in arrays that are reused from trace to trace and stay in the processor's cache for usual traces.
 *
 * Parents are found through a hash table of span ids. Two or more spans may share an id: Zipkin's client and server side
 * of one call do. Children then belong to the server span, and the server span is a child of the client span when both
 * name the same parent.
 *
 * Parent ids can form cycles. A walk from the tops does not reach those spans; each cycle is then cut at its first span,
 * which becomes a top as if its parent were missing.
 */
import type { SpanTableData } from '../model/span-table.ts';

const NO_PARENT = -1;
const PARENT_MISSING = -2;
const SERVER = 2;
const CLIENT = 3;

/** What is looked at of each span. */
export type LinkedSpans = Pick<SpanTableData, 'spanId' | 'parentId' | 'kindStatus'>;

export interface PlacedSpans {
  readonly rows: Uint32Array;
  readonly start: Float64Array;
  readonly parent: Int32Array;
  readonly subtreeSize: Uint32Array;
}

export class TraceTree {
  readonly #data: LinkedSpans;
  readonly #out: PlacedSpans;
  /** Slot → local index + 1 of the first span with the id. */
  readonly #slots: Int32Array;
  readonly #idLow: Uint32Array;
  readonly #idHigh: Uint32Array;
  readonly #parent: Int32Array;
  readonly #firstChild: Int32Array;
  readonly #nextSibling: Int32Array;
  /** Position in the output, -1 while not reached. */
  readonly #position: Int32Array;
  /** Local indexes of spans whose id an earlier one has, each followed by that earlier one. */
  readonly #shared: number[] = [];
  // Made when the first trace with shared ids comes.
  #childrenTo = new Int32Array(0);
  #client = new Int32Array(0);

  constructor(data: LinkedSpans, longestTrace: number, out: PlacedSpans) {
    this.#data = data;
    this.#out = out;
    this.#slots = new Int32Array(slotCount(longestTrace));
    this.#idLow = new Uint32Array(longestTrace);
    this.#idHigh = new Uint32Array(longestTrace);
    this.#parent = new Int32Array(longestTrace);
    this.#firstChild = new Int32Array(longestTrace);
    this.#nextSibling = new Int32Array(longestTrace);
    this.#position = new Int32Array(longestTrace);
  }

  /**
   * Writes the spans rows[from, from + length), sorted by start, to the output from position `at` on. Returns the position
   * of the last one without parent id, or -1.
   */
  place(rows: Uint32Array, starts: Float64Array, from: number, length: number, at: number): number {
    this.#insertIds(rows, from, length);
    this.#findParents(rows, from, length);
    if (this.#walk(rows, starts, from, length, at) < length) {
      this.#cutCycles(length);
      this.#walk(rows, starts, from, length, at);
    }
    for (let i = length - 1; i >= 0; i--) if (this.#parent[i] === NO_PARENT) return this.#position[i]!;
    return -1;
  }

  #insertIds(rows: Uint32Array, from: number, length: number): void {
    const slots = this.#slots;
    const size = slotCount(length);
    const mask = size - 1;
    const { spanId } = this.#data;
    slots.fill(0, 0, size);
    this.#shared.length = 0;
    for (let i = 0; i < length; i++) {
      const row = rows[from + i]!;
      const low = spanId[row * 2]!;
      const high = spanId[row * 2 + 1]!;
      this.#idLow[i] = low;
      this.#idHigh[i] = high;
      let slot = idHash(low, high) & mask;
      let found = slots[slot]!;
      while (found !== 0 && (this.#idLow[found - 1] !== low || this.#idHigh[found - 1] !== high)) {
        slot = (slot + 1) & mask;
        found = slots[slot]!;
      }
      if (found === 0) slots[slot] = i + 1;
      else this.#shared.push(i, found - 1);
    }
  }

  #findParents(rows: Uint32Array, from: number, length: number): void {
    const slots = this.#slots;
    const mask = slotCount(length) - 1;
    const { parentId } = this.#data;
    const shared = this.#shared.length > 0;
    if (shared) this.#chooseAmongShared(rows, from, length);
    for (let i = 0; i < length; i++) {
      const row = rows[from + i]!;
      const low = parentId[row * 2]!;
      const high = parentId[row * 2 + 1]!;
      if (low === 0 && high === 0) {
        this.#parent[i] = NO_PARENT;
        continue;
      }
      this.#parent[i] = PARENT_MISSING;
      if (low === this.#idLow[i] && high === this.#idHigh[i]) continue;
      let slot = idHash(low, high) & mask;
      let found = slots[slot]!;
      while (found !== 0 && (this.#idLow[found - 1] !== low || this.#idHigh[found - 1] !== high)) {
        slot = (slot + 1) & mask;
        found = slots[slot]!;
      }
      if (found !== 0) this.#parent[i] = shared ? this.#childrenTo[found - 1]! : found - 1;
    }
    if (shared) this.#hangServersUnderClients(rows, from);
  }

  /** For the first span of each shared id: which of the spans gets the children, and which is the client. */
  #chooseAmongShared(rows: Uint32Array, from: number, length: number): void {
    if (this.#client.length === 0) {
      this.#childrenTo = new Int32Array(this.#parent.length);
      this.#client = new Int32Array(this.#parent.length);
    }
    const childrenTo = this.#childrenTo;
    const client = this.#client;
    for (let i = 0; i < length; i++) childrenTo[i] = i;
    client.fill(-1, 0, length);
    const kindOf = (i: number) => this.#data.kindStatus[rows[from + i]!]! & 15;
    for (let k = 0; k < this.#shared.length; k += 2) {
      const span = this.#shared[k]!;
      const first = this.#shared[k + 1]!;
      if (kindOf(first) === CLIENT) client[first] = first;
      const kind = kindOf(span);
      if (kind === CLIENT && client[first] === -1) client[first] = span;
      if (kind === SERVER && kindOf(childrenTo[first]!) !== SERVER) childrenTo[first] = span;
    }
  }

  #hangServersUnderClients(rows: Uint32Array, from: number): void {
    const { kindStatus, parentId } = this.#data;
    for (let k = 0; k < this.#shared.length; k++) {
      const span = this.#shared[k]!;
      const client = this.#client[this.#shared[k | 1]!]!;
      const row = rows[from + span]!;
      if (client === -1 || (kindStatus[row]! & 15) !== SERVER) continue;
      const clientRow = rows[from + client]!;
      if (parentId[row * 2] === parentId[clientRow * 2] && parentId[row * 2 + 1] === parentId[clientRow * 2 + 1])
        this.#parent[span] = client;
    }
  }

  /** Chains children by start and walks depth first from all tops. Returns how many spans it reached. */
  #walk(rows: Uint32Array, starts: Float64Array, from: number, length: number, at: number): number {
    const parent = this.#parent;
    const firstChild = this.#firstChild;
    const nextSibling = this.#nextSibling;
    this.#position.fill(-1, 0, length);
    firstChild.fill(-1, 0, length);
    let firstRoot = -1;
    let firstOrphan = -1;
    for (let i = length - 1; i >= 0; i--) {
      const p = parent[i]!;
      if (p >= 0) {
        nextSibling[i] = firstChild[p]!;
        firstChild[p] = i;
      } else if (p === NO_PARENT) {
        nextSibling[i] = firstRoot;
        firstRoot = i;
      } else {
        nextSibling[i] = firstOrphan;
        firstOrphan = i;
      }
    }
    let out = at;
    for (let top = firstRoot; top >= 0; top = nextSibling[top]!) out = this.#emit(top, rows, starts, from, out);
    for (let top = firstOrphan; top >= 0; top = nextSibling[top]!) out = this.#emit(top, rows, starts, from, out);
    return out - at;
  }

  #emit(top: number, rows: Uint32Array, starts: Float64Array, from: number, at: number): number {
    const parent = this.#parent;
    const firstChild = this.#firstChild;
    const position = this.#position;
    const out = this.#out;
    let node = top;
    for (;;) {
      position[node] = at;
      out.rows[at] = rows[from + node]!;
      out.start[at] = starts[from + node]!;
      const p = parent[node]!;
      out.parent[at] = p >= 0 ? position[p]! : p;
      at++;
      if (firstChild[node]! >= 0) {
        node = firstChild[node]!;
        continue;
      }
      for (;;) {
        out.subtreeSize[position[node]!] = at - position[node]!;
        if (node === top) return at;
        const next = this.#nextSibling[node]!;
        if (next >= 0) {
          node = next;
          break;
        }
        node = parent[node]!;
      }
    }
  }

  /** Among the spans not reached, cuts every cycle at its first span by start. */
  #cutCycles(length: number): void {
    const parent = this.#parent;
    const position = this.#position;
    const seenFrom = new Int32Array(length).fill(-1);
    for (let i = 0; i < length; i++) {
      let node = i;
      while (node >= 0 && position[node] === -1 && seenFrom[node] === -1) {
        seenFrom[node] = i;
        node = parent[node]!;
      }
      if (node < 0 || position[node] !== -1 || seenFrom[node] !== i) continue;
      let first = node;
      for (let p = parent[node]!; p !== node; p = parent[p]!) if (p < first) first = p;
      parent[first] = PARENT_MISSING;
    }
  }
}

/** Power of two, at least twice the spans. */
const slotCount = (spans: number): number => 2 << (32 - Math.clz32(Math.max(spans, 4) - 1));

function idHash(low: number, high: number): number {
  let h = Math.imul(low ^ (high >>> 16) ^ (high << 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
  return h ^ (h >>> 13);
}
