/**
 * Definition levels of flat columns: one bit a row, 1 where a value is. They are walked run by run, so that a sparse
 * column costs by its values and not by its rows.
 */
import { HybridReader } from './rle.ts';

/** Runs that were checked when they were counted cannot fail when they are spread. */
const WHERE = 'definition levels';

const popcounts = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let rest = byte; rest > 0; rest >>>= 1) count += rest & 1;
  return count;
});

/** How many of `rows` rows have a value. @throws RubatoError corrupt */
export function countPresent(levels: Uint8Array, rows: number, where: string): number {
  const reader = new HybridReader(levels, 0, levels.length, 1, where);
  let present = 0;
  for (let row = 0; row < rows; row += reader.count) {
    reader.next(rows - row);
    present += presentInRun(reader, levels, reader.count);
  }
  return present;
}

/** How many values stand before row `first`, and how many from there to `end`. @throws RubatoError corrupt */
export function countRange(
  levels: Uint8Array,
  { first, end }: { readonly first: number; readonly end: number },
  where: string,
): { readonly skip: number; readonly count: number } {
  const reader = new HybridReader(levels, 0, levels.length, 1, where);
  let before = 0;
  let total = 0;
  for (let row = 0; row < end; row += reader.count) {
    reader.next(end - row);
    if (row <= first && first < row + reader.count) before = total + presentInRun(reader, levels, first - row);
    total += presentInRun(reader, levels, reader.count);
  }
  return { skip: before, count: total - before };
}

/** Values among the first `rows` rows of a run. */
function presentInRun(reader: HybridReader, levels: Uint8Array, rows: number): number {
  if (!reader.literal) return reader.value * rows;
  const whole = rows >>> 3;
  const at = reader.packedAt;
  let present = 0;
  for (let i = 0; i < whole; i++) present += popcounts[levels[at + i]!]!;
  const rest = rows & 7;
  return rest === 0 ? present : present + popcounts[levels[at + whole]! & ((1 << rest) - 1)]!;
}

// One function for each type of `out`, so that its loops see one. Each writes 1 + the next index where a value is and
// 0 elsewhere, without a branch in literal runs: that would be mispredicted at every other row. Indices have room for
// one more, which is read behind the last.

export function spreadToBytes(
  indices: Uint8Array,
  levels: Uint8Array,
  rows: number,
  out: Uint8Array,
  at: number,
): void {
  const reader = new HybridReader(levels, 0, levels.length, 1, WHERE);
  let next = 0;
  for (let row = 0; row < rows; row += reader.count) {
    reader.next(rows - row);
    let o = at + row;
    const end = o + reader.count;
    if (reader.literal) {
      for (let i = reader.packedAt; o < end; i++) {
        const byte = levels[i]!;
        const stop = Math.min(end, o + 8);
        for (let bit = 0; o < stop; bit++, o++) {
          const there = (byte >>> bit) & 1;
          out[o] = (indices[next]! + 1) & -there;
          next += there;
        }
      }
    } else if (reader.value === 0) out.fill(0, o, end);
    else for (; o < end; o++) out[o] = indices[next++]! + 1;
  }
}

export function spreadToShorts(
  indices: Uint32Array,
  levels: Uint8Array,
  rows: number,
  out: Uint16Array,
  at: number,
): void {
  const reader = new HybridReader(levels, 0, levels.length, 1, WHERE);
  let next = 0;
  for (let row = 0; row < rows; row += reader.count) {
    reader.next(rows - row);
    let o = at + row;
    const end = o + reader.count;
    if (reader.literal) {
      for (let i = reader.packedAt; o < end; i++) {
        const byte = levels[i]!;
        const stop = Math.min(end, o + 8);
        for (let bit = 0; o < stop; bit++, o++) {
          const there = (byte >>> bit) & 1;
          out[o] = (indices[next]! + 1) & -there;
          next += there;
        }
      }
    } else if (reader.value === 0) out.fill(0, o, end);
    else for (; o < end; o++) out[o] = indices[next++]! + 1;
  }
}

export function spreadToWords(
  indices: Uint32Array,
  levels: Uint8Array,
  rows: number,
  out: Uint32Array,
  at: number,
): void {
  const reader = new HybridReader(levels, 0, levels.length, 1, WHERE);
  let next = 0;
  for (let row = 0; row < rows; row += reader.count) {
    reader.next(rows - row);
    let o = at + row;
    const end = o + reader.count;
    if (reader.literal) {
      for (let i = reader.packedAt; o < end; i++) {
        const byte = levels[i]!;
        const stop = Math.min(end, o + 8);
        for (let bit = 0; o < stop; bit++, o++) {
          const there = (byte >>> bit) & 1;
          out[o] = (indices[next]! + 1) & -there;
          next += there;
        }
      }
    } else if (reader.value === 0) out.fill(0, o, end);
    else for (; o < end; o++) out[o] = indices[next++]! + 1;
  }
}

/** Like {@link spreadToWords}, of rows [first, end) only; `indices` are those of their values. */
export function spreadRange(
  indices: Uint32Array,
  levels: Uint8Array,
  { first, end }: { readonly first: number; readonly end: number },
  out: Uint32Array,
  at: number,
): void {
  const reader = new HybridReader(levels, 0, levels.length, 1, WHERE);
  let next = 0;
  for (let row = 0; row < end; row += reader.count) {
    reader.next(end - row);
    for (let r = Math.max(row, first); r < row + reader.count; r++) {
      const bit = r - row;
      const there = reader.literal ? (levels[reader.packedAt + (bit >>> 3)]! >>> (bit & 7)) & 1 : reader.value;
      out[at + r - first] = there === 0 ? 0 : indices[next++]! + 1;
    }
  }
}
