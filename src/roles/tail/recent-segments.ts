/**
 * A writer's newest segments, kept in memory for those who follow it, so that they need not ask the store. What is too old
 * for that is in the store.
 *
 *   floor          head
 *     │              │
 *     ▼──────────────▼
 *     every segment of (floor, head] that is durable is here; head is the highest durable one
 */

export interface RecentAnswer {
  /** All durable segments above `max(after, floor)` and up to `head` are in `objects`. */
  readonly floor: number;
  readonly head: number;
  /** The highest durable segment of the writer: higher than `head` when not everything fits one answer. */
  readonly durable: number;
  /** Whole segment objects, in the order of seq. */
  readonly objects: readonly Uint8Array[];
}

interface Kept {
  readonly seq: number;
  readonly object: readonly Uint8Array[];
  readonly bytes: number;
}

export class RecentSegments {
  readonly #bytesMax: number;
  #kept: Kept[] = [];
  #bytes = 0;
  #floor = 0;
  #durable = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Segments are added in the order of seq, when they are durable. */
  add(seq: number, object: readonly Uint8Array[]): void {
    const bytes = object.reduce((sum, part) => sum + part.length, 0);
    this.#kept.push({ seq, object, bytes });
    this.#bytes += bytes;
    this.#durable = seq;
    let drop = 0;
    while (this.#bytes > this.#bytesMax) {
      const oldest = this.#kept[drop++]!;
      this.#bytes -= oldest.bytes;
      this.#floor = oldest.seq;
    }
    if (drop > 0) this.#kept = this.#kept.slice(drop);
  }

  /** Segments up to this are in blocks, and must not be here any more; who is behind finds the rest in the store. */
  forget(through: number): void {
    let drop = 0;
    for (; drop < this.#kept.length && this.#kept[drop]!.seq <= through; drop++) this.#bytes -= this.#kept[drop]!.bytes;
    this.#kept = this.#kept.slice(drop);
    this.#floor = Math.max(this.#floor, Math.min(through, this.#durable));
  }

  /** What is durable behind segment `after`; at least one segment, if there is one, and else at most `bytesMax`. */
  since(after: number, bytesMax: number): RecentAnswer {
    const objects: Uint8Array[] = [];
    let bytes = 0;
    let head = Math.max(after, this.#floor);
    for (const kept of this.#kept) {
      if (kept.seq <= after) continue;
      if (objects.length > 0 && bytes + kept.bytes > bytesMax) {
        return { floor: this.#floor, head, durable: this.#durable, objects };
      }
      objects.push(Buffer.concat(kept.object));
      bytes += kept.bytes;
      head = kept.seq;
    }
    return { floor: this.#floor, head: this.#durable, durable: this.#durable, objects };
  }
}
