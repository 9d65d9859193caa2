/** Own time of the rows that are drawn, kept from frame to frame. */
import { ownStretches } from '../model/times.ts';
import type { Trace } from '../model/trace.ts';

/** Rows remembered at a time. */
const keptMax = 4000;

export class OwnTimes {
  readonly #trace: Trace;
  readonly #known = new Map<number, Float64Array>();

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  /** Pairs of from and to, ascending. */
  of(row: number): Float64Array {
    let own = this.#known.get(row);
    if (own === undefined) {
      if (this.#known.size >= keptMax) this.#known.clear();
      own = ownStretches(this.#trace, row);
      this.#known.set(row, own);
    }
    return own;
  }
}
