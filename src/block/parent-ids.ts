/** Parent ids are not stored where the parent row tells them; this puts them together again. */
import type { CodesBuffer } from './column-buffers.ts';

const NO_PARENT = -1;

export class ParentIds {
  /** 8 bytes a span. */
  readonly bytes: Uint8Array;

  constructor(spans: number) {
    this.bytes = new Uint8Array(spans * 8);
  }

  /** Fills rows [first, end) pairs, which must be whole traces. */
  fill(rows: readonly number[], from: { spanId: Uint8Array; parent: Int32Array; unlinked: CodesBuffer }): void {
    const { spanId, parent, unlinked } = from;
    const { codes, dictionary } = unlinked;
    const out = this.bytes;
    for (let i = 0; i < rows.length; i += 2) {
      for (let row = rows[i]!; row < rows[i + 1]!; row++) {
        const code = codes[row]!;
        const p = parent[row]!;
        if (code !== 0) out.set(dictionary.bytes(code - 1), row * 8);
        else if (p > NO_PARENT) for (let b = 0; b < 8; b++) out[row * 8 + b] = spanId[p * 8 + b]!;
      }
    }
  }
}
