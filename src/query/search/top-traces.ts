/** The best traces so far, in the order of the answer; never more than asked for. */
import type { ResultAttribute, TraceResult } from '../../traceql/result.ts';
import type { OpenFragment } from './chunks.ts';

/** A span set of a trace that may be answered. */
export interface FoundSet {
  /** Of the first spans. */
  readonly rows: readonly number[];
  readonly matched: number;
  readonly attributes: readonly ResultAttribute[];
}

export interface FoundTrace {
  readonly source: OpenFragment;
  readonly trace: number;
  readonly startUnixNano: bigint;
  readonly durationNano: number;
  /** What the answer is sorted by: the highest first, the newest first among equals. 0 for a search by start. */
  readonly rank: number;
  readonly sets: readonly FoundSet[];
  /** Memory it takes, about. */
  readonly bytes: number;
  /** Set once it has been made. */
  result: TraceResult | undefined;
}

export class TopTraces {
  readonly #limit: number;
  #traces: FoundTrace[] = [];
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get traces(): readonly FoundTrace[] {
    return this.#traces;
  }

  /** Memory that the traces take, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The trace that a better one would replace; undefined while there is room. */
  get worst(): FoundTrace | undefined {
    return this.#traces.length < this.#limit ? undefined : this.#traces[this.#limit - 1];
  }

  add(found: FoundTrace[]): void {
    if (found.length === 0) return;
    found.sort(byRank);
    const old = this.#traces;
    const merged: FoundTrace[] = [];
    let bytes = 0;
    let i = 0;
    let j = 0;
    while (merged.length < this.#limit && (i < old.length || j < found.length)) {
      const isOld = j === found.length || (i < old.length && byRank(old[i]!, found[j]!) <= 0);
      const next = isOld ? old[i++]! : found[j++]!;
      merged.push(next);
      bytes += next.bytes;
    }
    this.#traces = merged;
    this.#bytes = bytes;
  }
}

/** Newest first, then by trace id. */
function byStart(a: FoundTrace, b: FoundTrace): number {
  if (a.startUnixNano !== b.startUnixNano) return a.startUnixNano > b.startUnixNano ? -1 : 1;
  return compareIds(a, b);
}

function byRank(a: FoundTrace, b: FoundTrace): number {
  return b.rank - a.rank || byStart(a, b);
}

function compareIds(a: FoundTrace, b: FoundTrace): number {
  const left = a.source.fragment.traceIds;
  const right = b.source.fragment.traceIds;
  for (let i = 0; i < 16; i++) {
    const difference = left[a.trace * 16 + i]! - right[b.trace * 16 + i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
