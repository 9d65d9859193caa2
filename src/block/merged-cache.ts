/** Keeps what has been put together of pieces, for the next query that wants the same traces. */
import { hash } from 'node:crypto';
import type { ReadCost } from '../traceql/storage.ts';
import { LiveTable } from './live-table.ts';
import { mergeTraces, type Piece } from './merge.ts';
import type { MergedTraces } from './merged-fragment.ts';
import { orderTable } from './order.ts';
import type { StoredFragment } from './stored-fragment.ts';
import type { TracePlace } from './torn-traces.ts';

/** Pieces of torn traces that are put together in one fragment. */
export interface MergedPieces {
  /** The same for the same places. */
  readonly id: string;
  readonly places: readonly TracePlace[];
  readonly baseUnixNano: bigint;
  /** Bounds, ns since the base. */
  readonly minStart: number;
  readonly maxEnd: number;
}

/** Spans of all kept copies; about 60 bytes each. */
const SPANS_KEPT = 1 << 18;

export class MergedCache {
  /** The last used stands last. */
  readonly #tables = new Map<string, Promise<LiveTable>>();
  readonly #spans = new Map<string, number>();
  #spanCount = 0;

  traces(pieces: MergedPieces): MergedTraces {
    const { id, places, baseUnixNano, minStart, maxEnd } = pieces;
    return {
      id,
      fragments: [...new Set(places.map(({ fragment }) => fragment))],
      pieceCount: places.length,
      baseUnixNano,
      minStart,
      maxEnd,
      load: (cost, signal) => this.#load(pieces, cost, signal),
    };
  }

  #load(pieces: MergedPieces, cost: ReadCost, signal: AbortSignal | undefined): Promise<LiveTable> {
    const { id, places } = pieces;
    const known = this.#tables.get(id);
    if (known !== undefined) {
      this.#tables.delete(id);
      this.#tables.set(id, known);
      return known;
    }
    // Live pieces are others soon. What other queries wait for must not end with the query that came first.
    const isKept = places.every(({ fragment }) => !fragment.isLive);
    const made = putTogether(pieces, cost, isKept ? undefined : signal);
    if (isKept) this.#keep(id, made);
    return made;
  }

  #keep(id: string, made: Promise<LiveTable>): void {
    this.#tables.set(id, made);
    made.then(
      ({ ordered }) => {
        this.#spans.set(id, ordered.spanCount);
        this.#spanCount += ordered.spanCount;
        for (const oldest of this.#tables.keys()) {
          if (this.#spanCount <= SPANS_KEPT) return;
          this.#forget(oldest);
        }
      },
      () => this.#forget(id),
    );
  }

  #forget(id: string): void {
    this.#tables.delete(id);
    this.#spanCount -= this.#spans.get(id) ?? 0;
    this.#spans.delete(id);
  }
}

async function putTogether(
  { id, places, baseUnixNano }: MergedPieces,
  cost: ReadCost,
  signal: AbortSignal | undefined,
): Promise<LiveTable> {
  const table = await mergeTraces(piecesOf(places), cost, signal);
  return new LiveTable(id, orderTable(table.share(), baseUnixNano));
}

export function mergedId(places: readonly TracePlace[]): string {
  return `merged-${hash('sha1', places.map(({ fragment, trace }) => `${fragment.id}#${trace}`).join('\n'))}`;
}

/** The places by fragment, traces ascending. */
export function piecesOf(places: readonly TracePlace[]): Piece[] {
  const byFragment = new Map<string, { fragment: StoredFragment; traces: number[] }>();
  for (const { fragment, trace } of places) {
    const piece = byFragment.get(fragment.id);
    if (piece === undefined) byFragment.set(fragment.id, { fragment, traces: [trace] });
    else piece.traces.push(trace);
  }
  for (const { traces } of byFragment.values()) traces.sort((a, b) => a - b);
  return [...byFragment.values()];
}
