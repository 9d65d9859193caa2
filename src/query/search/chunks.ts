/**
 * The order in which a search looks at traces: chunks of whole traces, newest first over all fragments. Fragments are
 * opened (their traces table read) only when their newest trace could be next, so that a search which soon has enough
 * never touches old ones.
 */
import { lowerBound } from '../../base/lower-bound.ts';
import type { TimeRange } from '../../traceql/result.ts';
import type { Fragment, ReadCost } from '../../traceql/storage.ts';
import { type TraceRange, traceRange } from '../expression/range.ts';

/** Rows of a chunk: small enough for the caches, and the page size of blocks. */
const chunkRows = 1 << 14;
/** Fragments that are opened at the same time. */
const openingMax = 16;

export interface Chunk {
  readonly fragment: OpenFragment;
  readonly range: TraceRange;
  /** Start of its last trace. */
  readonly newestUnixNano: bigint;
}

/** A fragment whose traces table is loaded, and its part of the time range. */
export class OpenFragment {
  readonly fragment: Fragment;
  /** Bounds of the time range, ns since the fragment's base. */
  readonly #startMin: number;
  readonly #startMax: number;
  /** Chunks that are still to be looked at. */
  chunksLeft = 0;

  constructor(fragment: Fragment, range: TimeRange) {
    this.fragment = fragment;
    const whole = range.startUnixNano === 0n && range.endUnixNano === 0n;
    this.#startMin = whole ? Number.NEGATIVE_INFINITY : Number(range.startUnixNano - fragment.baseUnixNano);
    this.#startMax = whole ? Number.POSITIVE_INFINITY : Number(range.endUnixNano - fragment.baseUnixNano);
  }

  /** False when no trace can overlap the time range; the traces table need not be loaded. */
  get overlaps(): boolean {
    const { fragment } = this;
    return fragment.traceCount > 0 && fragment.minStart <= this.#startMax && fragment.maxEnd >= this.#startMin;
  }

  /** No trace starts later. */
  get newestMaxUnixNano(): bigint {
    return this.fragment.baseUnixNano + BigInt(Math.ceil(Math.min(this.fragment.maxEnd, this.#startMax)));
  }

  /** Traces that may overlap the time range, in chunks, oldest first. */
  chunks(): Chunk[] {
    const { fragment } = this;
    const { traceStart, traceEnd, traceFirstSpan, traceCount, baseUnixNano } = fragment;
    let end = lowerBound(traceStart, traceCount, this.#startMax);
    while (end < traceCount && traceStart[end]! <= this.#startMax) end++;
    let trace = 0;
    while (trace < end && traceEnd[trace]! < this.#startMin) trace++;
    const chunks: Chunk[] = [];
    while (trace < end) {
      const nextRow = (Math.floor(traceFirstSpan[trace]! / chunkRows) + 1) * chunkRows;
      const next = Math.min(end, lowerBound(traceFirstSpan, traceCount, nextRow));
      chunks.push({
        fragment: this,
        range: traceRange(fragment, trace, next),
        newestUnixNano: baseUnixNano + BigInt(Math.floor(traceStart[next - 1]!)),
      });
      trace = next;
    }
    this.chunksLeft = chunks.length;
    return chunks;
  }

  /** 1 for the rows of traces that are read here, overlap the time range and last at least so long. */
  initialMask({ firstTrace, endTrace, firstRow, endRow }: TraceRange, durationMinNano: number): Uint8Array {
    const mask = new Uint8Array(endRow - firstRow).fill(1);
    const { hiddenTraces, traceStart, traceEnd, traceFirstSpan } = this.fragment;
    if (hiddenTraces === undefined && durationMinNano === 0 && this.fragment.minStart >= this.#startMin) return mask;
    for (let trace = firstTrace; trace < endTrace; trace++) {
      const end = traceEnd[trace]!;
      const isWanted = end >= this.#startMin && end - traceStart[trace]! >= durationMinNano;
      if (isWanted && (hiddenTraces === undefined || hiddenTraces[trace] === 0)) continue;
      mask.fill(0, traceFirstSpan[trace]! - firstRow, traceFirstSpan[trace + 1]! - firstRow);
    }
    return mask;
  }
}

/** All chunks of a snapshot, newest first. */
export class ChunkQueue {
  /** Not opened yet, by the newest trace they can have; the newest stands last. */
  readonly #closed: OpenFragment[] = [];
  /** By newest trace; the newest stands last. */
  #chunks: Chunk[] = [];
  readonly #cost: ReadCost;
  readonly #signal: AbortSignal;

  constructor(fragments: readonly Fragment[], range: TimeRange, cost: ReadCost, signal: AbortSignal) {
    this.#cost = cost;
    this.#signal = signal;
    for (const fragment of fragments) {
      const open = new OpenFragment(fragment, range);
      if (open.overlaps) this.#closed.push(open);
    }
    this.#closed.sort((a, b) => compareTimes(a.newestMaxUnixNano, b.newestMaxUnixNano));
  }

  /** Start of the newest trace that may be left; undefined when there is none. */
  get newestMaxUnixNano(): bigint | undefined {
    const chunk = this.#chunks.at(-1)?.newestUnixNano;
    const closed = this.#closed.at(-1)?.newestMaxUnixNano;
    if (chunk === undefined || (closed !== undefined && closed > chunk)) return closed;
    return chunk;
  }

  /** Takes up to `count` chunks with the newest traces. Empty at the end. */
  async take(count: number): Promise<Chunk[]> {
    await this.#open();
    return this.#chunks.splice(Math.max(0, this.#chunks.length - count)).reverse();
  }

  /** Opens every fragment that may have a newer trace than all chunks. */
  async #open(): Promise<void> {
    while (this.#closed.length > 0) {
      const newest = this.#chunks.at(-1)?.newestUnixNano;
      const opening: OpenFragment[] = [];
      while (opening.length < openingMax && this.#closed.length > 0) {
        if (newest !== undefined && this.#closed.at(-1)!.newestMaxUnixNano < newest) break;
        opening.push(this.#closed.pop()!);
      }
      if (opening.length === 0) return;
      await Promise.all(opening.map(({ fragment }) => fragment.loadTraces(this.#cost, this.#signal)));
      for (const open of opening) this.#chunks.push(...open.chunks());
      this.#chunks.sort((a, b) => compareTimes(a.newestUnixNano, b.newestUnixNano));
    }
  }
}

const compareTimes = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
