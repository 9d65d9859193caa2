/** Deletes segments of a writer that are in blocks, as soon as nobody else needs them. */
import type { ObjectStore } from '../../objectstore/object-store.ts';
import { segmentKey } from '../../wal/segment-keys.ts';
import type { SegmentHold } from '../metrics/segment-hold.ts';

export class SegmentRemoval {
  readonly #store: ObjectStore;
  readonly #hold: SegmentHold | undefined;
  /** By writer. */
  readonly #held = new Map<string, Set<number>>();
  #running: Promise<void> | undefined;

  /** @param hold undefined: nobody else needs any */
  constructor(store: ObjectStore, hold: SegmentHold | undefined) {
    this.#store = store;
    this.#hold = hold;
  }

  /** Segments that wait. */
  get heldCount(): number {
    let count = 0;
    for (const seqs of this.#held.values()) count += seqs.size;
    return count;
  }

  async remove(writer: string, seqs: readonly number[]): Promise<void> {
    if (this.#hold === undefined) return this.#delete(writer, seqs);
    let held = this.#held.get(writer);
    if (held === undefined) this.#held.set(writer, (held = new Set()));
    for (const seq of seqs) held.add(seq);
    await this.retry();
  }

  /** Deletes what is free by now. @throws what the store throws */
  retry(): Promise<void> {
    this.#running ??= this.#retry().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #retry(): Promise<void> {
    for (const [writer, held] of this.#held) {
      const free = (await this.#hold?.free(writer, [...held])) ?? [];
      await this.#delete(writer, free);
      for (const seq of free) held.delete(seq);
    }
  }

  async #delete(writer: string, seqs: readonly number[]): Promise<void> {
    await Promise.all(seqs.map((seq) => this.#store.delete(segmentKey(writer, seq))));
  }
}
