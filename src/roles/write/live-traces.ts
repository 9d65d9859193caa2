/** Which traces of an open table have spans, for tenants that may only have so many. */
import type { SpanTable } from '../../model/span-table.ts';

export class LiveTraces {
  /** By trace index: 1 when counted. A table may know traces without spans, of requests that were refused. */
  #counted: Uint8Array;
  #count = 0;

  /** @param spanCount rows that belong to stored requests */
  constructor(table: SpanTable, spanCount: number) {
    this.#counted = new Uint8Array(Math.max(1024, table.traceCount));
    this.admit(table, 0, spanCount, Number.POSITIVE_INFINITY);
  }

  get count(): number {
    return this.#count;
  }

  /** Counts the traces of rows `from` to `to`; false, and nothing is counted, when there would be more than `tracesMax`. */
  admit(table: SpanTable, from: number, to: number, tracesMax: number): boolean {
    if (table.traceCount > this.#counted.length) {
      const grown = new Uint8Array(table.traceCount * 2);
      grown.set(this.#counted);
      this.#counted = grown;
    }
    const counted = this.#counted;
    const traces = table.trace;
    const before = this.#count;
    for (let row = from; row < to; row++) {
      const trace = traces[row]!;
      if (counted[trace] === 0) {
        // 2 while it is not decided.
        counted[trace] = 2;
        this.#count++;
      }
    }
    const admitted = this.#count <= tracesMax || this.#count === before;
    if (!admitted) this.#count = before;
    const mark = admitted ? 1 : 0;
    for (let row = from; row < to; row++) if (counted[traces[row]!] === 2) counted[traces[row]!] = mark;
    return admitted;
  }
}
