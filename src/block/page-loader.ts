/**
 * Reads the pages that column buffers lack: finds them, joins neighbours into few reads, checks and decodes them.
 *
 * Many loads may run at once. Who needs a page that another load is reading waits for it; when that one fails, be it
 * because its query was canceled, the waiting load looks again and reads by itself. A data page needs its column's
 * dictionary, which may come with another read of the same load: dictionaries of a read are decoded before any waiting, so
 * that reads cannot wait for each other in a circle.
 */

import { crc32 } from 'node:zlib';
import { throwIfAborted } from '../base/abort.ts';
import { corrupt } from '../base/errors.ts';
import type { ReadCost } from '../traceql/storage.ts';
import type { ColumnBuffer } from './column-buffer.ts';
import type { KeptPages } from './kept-pages.ts';
import { tableFile } from './layout.ts';

/** Bytes between two pages that are rather read than paid for with another request, unless the load says otherwise. */
const GAP_BYTES_MAX = 64 << 10;
/** A joined read ends here, so that large loads are read in parallel. */
const READ_BYTES_MAX = 8 << 20;

export type ReadRange = (file: string, offset: number, length: number, signal?: AbortSignal) => Promise<Uint8Array>;

export interface Want {
  readonly buffer: ColumnBuffer;
  /** Rows needed: [first, end) pairs. */
  readonly rows: readonly number[];
  /** No pages, if the column has a dictionary. */
  readonly dictionaryOnly: boolean;
}

/** A page to read. */
interface Segment {
  readonly buffer: ColumnBuffer;
  /** Index of the data page, -1 for the dictionary. */
  readonly page: number;
  readonly file: string;
  readonly offset: number;
  readonly size: number;
}

export interface PlannedRead {
  readonly file: string;
  readonly offset: number;
  length: number;
  readonly segments: Segment[];
}

export interface LoadContext {
  readonly readRange: ReadRange;
  /** The beginning of a file, with all its pages, when that is at hand. */
  readonly inline?: (file: string) => Uint8Array | undefined;
  readonly gapBytesMax?: number;
  /** Where pages are kept for later loads; nowhere when undefined. */
  readonly kept?: KeptPages;
  readonly cost: ReadCost;
  readonly signal: AbortSignal | undefined;
}

/** Resolves when everything wanted is decoded. */
export async function loadPages(wants: readonly Want[], context: LoadContext): Promise<void> {
  for (;;) {
    throwIfAborted(context.signal);
    const { segments: missing, waits } = findMissing(wants);
    const segments = context.kept === undefined ? missing : takeKept(missing, context.kept);
    if (segments.length === 0 && waits.length === 0) return;
    await Promise.all(planReads(segments, context.gapBytesMax).map((read) => startRead(read, context)));
    await Promise.allSettled(waits);
  }
}

function findMissing(wants: readonly Want[]): { segments: Segment[]; waits: Promise<void>[] } {
  const segments: Segment[] = [];
  const waits: Promise<void>[] = [];
  for (const { buffer, rows, dictionaryOnly } of wants) {
    const { chunk, table } = buffer.place;
    const file = tableFile(table);
    if (rows.length === 0 && !dictionaryOnly) continue;
    const first = segments.length;
    if (!dictionaryOnly || chunk.encoding !== 'dictionary') addPages(buffer, rows, file, segments, waits);
    const owner = buffer.dictionaryOwner;
    // Without a page there is no code, and nobody will ask what it stands for.
    if (owner.dictionaryLoaded || (segments.length === first && !dictionaryOnly)) continue;
    const pending = owner.dictionaryPending;
    if (pending !== undefined) {
      waits.push(pending);
      segments.length = first;
    } else {
      const { dictionaryOffset, dictionarySize } = chunk;
      segments.push({ buffer: owner, page: -1, file, offset: dictionaryOffset!, size: dictionarySize! });
    }
  }
  return { segments, waits };
}

/** Decodes the pages that are at hand; the others are left. */
function takeKept(segments: readonly Segment[], kept: KeptPages): Segment[] {
  return segments.filter(({ buffer, page, file, offset }) => {
    if (page < 0 || !buffer.dictionaryOwner.dictionaryLoaded) return true;
    const bytes = kept.get(file, offset);
    if (bytes === undefined) return true;
    buffer.acceptPage(page, bytes);
    return false;
  });
}

/** Adds the pages that hold some of the rows: to read, or to wait for. */
function addPages(
  buffer: ColumnBuffer,
  rows: readonly number[],
  file: string,
  segments: Segment[],
  waits: Promise<void>[],
): void {
  const { pages } = buffer.place.chunk;
  let range = 0;
  for (let p = 0; p < pages.length; p++) {
    const { offset, size, firstRow, rows: pageRows } = pages[p]!;
    while (range < rows.length && rows[range + 1]! <= firstRow) range += 2;
    if (range >= rows.length) return;
    if (buffer.loaded[p] === 1 || rows[range]! >= firstRow + pageRows) continue;
    const pending = buffer.pending[p];
    if (pending !== undefined) waits.push(pending);
    else segments.push({ buffer, page: p, file, offset, size });
  }
}

/** Joins segments of a file that lie close together. A buffer that is wanted twice is read once. */
export function planReads(segments: readonly Segment[], gapBytesMax = GAP_BYTES_MAX): PlannedRead[] {
  const sorted = segments.toSorted((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.offset - b.offset));
  const reads: PlannedRead[] = [];
  let last: PlannedRead | undefined;
  for (const segment of sorted) {
    const end = segment.offset + segment.size;
    if (
      last === undefined ||
      last.file !== segment.file ||
      segment.offset - (last.offset + last.length) > gapBytesMax ||
      end - last.offset > READ_BYTES_MAX
    ) {
      last = { file: segment.file, offset: segment.offset, length: segment.size, segments: [segment] };
      reads.push(last);
      continue;
    }
    if (last.segments.at(-1)!.offset === segment.offset) continue;
    last.length = end - last.offset;
    last.segments.push(segment);
  }
  return reads;
}

function startRead(read: PlannedRead, context: LoadContext): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const done = runRead(read, context, { resolve, reject });
  // Failures reach those who wait for `done`; nobody need be waiting for the other promises.
  promise.catch(() => undefined);
  for (const { buffer, page } of read.segments) {
    if (page < 0) buffer.dictionaryPending = promise;
    else buffer.pending[page] = done;
  }
  const forget = (): void => {
    for (const { buffer, page } of read.segments) {
      if (page < 0) buffer.dictionaryPending = undefined;
      else buffer.pending[page] = undefined;
    }
  };
  return done.finally(forget);
}

async function runRead(
  { file, offset, length, segments }: PlannedRead,
  context: LoadContext,
  dictionaries: { resolve: () => void; reject: (cause: unknown) => void },
): Promise<void> {
  try {
    const inline = context.inline?.(file)?.subarray(offset, offset + length);
    const bytes = inline ?? (await readBytes(file, offset, length, context));
    context.cost.pages += segments.length;
    const where = segments[0]!.buffer.place.where;
    if (bytes.length !== length) throw corrupt(where, `${bytes.length} bytes at ${offset} instead of ${length}`);
    const pageOf = (segment: Segment) => checkedPage(segment, bytes, segment.offset - offset);
    for (const segment of segments) if (segment.page < 0) segment.buffer.acceptDictionary(pageOf(segment));
    dictionaries.resolve();
    for (const segment of segments) {
      if (segment.page < 0) continue;
      const owner = segment.buffer.dictionaryOwner;
      if (!owner.dictionaryLoaded) await owner.dictionaryPending;
      const page = pageOf(segment);
      segment.buffer.acceptPage(segment.page, page);
      context.kept?.keep(file, segment.offset, page);
    }
  } catch (cause) {
    dictionaries.reject(cause);
    throw cause;
  }
}

async function readBytes(
  file: string,
  offset: number,
  length: number,
  { readRange, cost, signal }: LoadContext,
): Promise<Uint8Array> {
  const bytes = await readRange(file, offset, length, signal);
  cost.requests++;
  cost.bytes += length;
  return bytes;
}

function checkedPage({ buffer, page, offset, size }: Segment, bytes: Uint8Array, at: number): Uint8Array {
  const { chunk, checksums, where } = buffer.place;
  const slice = bytes.subarray(at, at + size);
  const number = page < 0 ? 0 : page + (chunk.dictionaryOffset === undefined ? 0 : 1);
  if (crc32(slice) !== checksums[number]) throw corrupt(`${where}, page at byte ${offset}`, 'checksum does not match');
  return slice;
}
