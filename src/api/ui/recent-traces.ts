/**
 * Traces that somebody is looking at. What a page asks for after its columns (a span, an attribute, a text) comes from the
 * same rows, so that their numbers mean the same spans, and a trace of a million spans that lies in several places is put
 * together once and not at every click.
 */
import type { TracePart } from '../ports.ts';

/** After the last question. */
const KEPT_MS = 60_000;
const TRACES_MAX = 16;
/** Of all traces kept; a larger one is not kept. */
const SPANS_MAX = 4_000_000;

interface Kept {
  readonly parts: readonly TracePart[];
  readonly spans: number;
  readonly timer: NodeJS.Timeout;
}

export class RecentTraces {
  /** The last used stands last. */
  readonly #kept = new Map<string, Kept>();

  get(tenant: string, traceId: Uint8Array): readonly TracePart[] | undefined {
    const kept = this.#kept.get(keyOf(tenant, traceId));
    if (kept !== undefined) this.keep(tenant, traceId, kept.parts);
    return kept?.parts;
  }

  keep(tenant: string, traceId: Uint8Array, parts: readonly TracePart[]): void {
    const key = keyOf(tenant, traceId);
    this.#drop(key);
    const spans = parts.reduce((sum, { fragment: { traceFirstSpan }, trace }) => {
      return sum + traceFirstSpan[trace + 1]! - traceFirstSpan[trace]!;
    }, 0);
    if (spans > SPANS_MAX) return;
    const timer = setTimeout(() => this.#drop(key), KEPT_MS);
    timer.unref();
    this.#kept.set(key, { parts, spans, timer });
    let total = 0;
    for (const each of this.#kept.values()) total += each.spans;
    for (const [oldest, each] of this.#kept) {
      if (total <= SPANS_MAX && this.#kept.size <= TRACES_MAX) return;
      total -= each.spans;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    clearTimeout(this.#kept.get(key)?.timer);
    this.#kept.delete(key);
  }
}

const keyOf = (tenant: string, traceId: Uint8Array): string => `${Buffer.from(traceId).toString('hex')} ${tenant}`;
