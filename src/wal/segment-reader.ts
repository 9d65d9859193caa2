/**
 * Reads back what a writer left: for replay after a restart and for the adoption of a dead writer's segments. One damaged
 * segment does not hide the others; it is reported and passed over.
 */
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { isKind, type ObjectStore } from '../objectstore/object-store.ts';
import { decodeSegment, type Segment } from './segment-codec.ts';
import { segmentKey, seqOfKey, walPrefix, writerPrefix } from './segment-keys.ts';

export interface StoredSegment extends Segment {
  readonly key: string;
}

export interface SkippedSegment {
  readonly key: string;
  /** For people. Names byte offsets where it can. */
  readonly reason: string;
}

/** Reads ahead, since each get of a bucket takes tens of milliseconds; bounds the memory for it. */
const readAhead = 4;
const deletesAtOnce = 8;

/**
 * The segments of a writer with a seq above `afterSeq`, verified, in the order of seq, if `isWanted`. `onSkipped` hears of every object
 * that is not returned because it is damaged or no segment. One that was deleted since it was listed has been covered by
 * somebody else and is passed over silently.
 * @throws what the store throws, unless the object is gone
 */
export async function* readSegments(
  store: ObjectStore,
  writer: string,
  afterSeq: number,
  onSkipped: (skipped: SkippedSegment) => void,
  signal?: AbortSignal,
  isWanted: (seq: number) => boolean = () => true,
): AsyncGenerator<StoredSegment> {
  const started: Promise<StoredSegment | SkippedSegment | undefined>[] = [];
  const pass = function* (read: StoredSegment | SkippedSegment | undefined): Generator<StoredSegment> {
    if (read === undefined) return;
    if ('reason' in read) onSkipped(read);
    else yield read;
  };
  const startAfter = segmentKey(writer, afterSeq);
  for await (const { key } of store.list(writerPrefix(writer), { startAfter }, signal)) {
    const seq = seqOfKey(writer, key);
    if (seq !== undefined && !isWanted(seq)) continue;
    const read =
      seq === undefined
        ? Promise.resolve({ key, reason: 'the name is not that of a segment' })
        : readSegment(store, writer, seq, signal);
    // Awaited below, but perhaps only after another one has failed.
    read.catch(() => {});
    started.push(read);
    if (started.length > readAhead) yield* pass(await started.shift()!);
  }
  for (const read of started) yield* pass(await read);
}

async function readSegment(
  store: ObjectStore,
  writer: string,
  seq: number,
  signal: AbortSignal | undefined,
): Promise<StoredSegment | SkippedSegment | undefined> {
  const key = segmentKey(writer, seq);
  for (let tries = 1; ; tries++) {
    try {
      const segment = await decodeSegment(key, await store.get(key, signal));
      if (segment.header.writer !== writer || segment.header.seq !== seq) {
        const { header } = segment;
        return { key, reason: `holds segment ${header.seq} of writer ${header.writer}` };
      }
      return { ...segment, key };
    } catch (error) {
      if (isKind(error, ErrorKind.notFound)) return undefined;
      const isNewer = error instanceof RubatoError && error.code === 'newer_format';
      if (!isNewer && !isKind(error, ErrorKind.corrupt)) throw error;
      // The damage may have happened on the way: look twice.
      if (tries === 1) continue;
      if (isNewer) throw error;
      return { key, reason: (error as Error).message };
    }
  }
}

/** Ids of all writers that have segments. */
export async function listWriters(store: ObjectStore, signal?: AbortSignal): Promise<string[]> {
  const writers: string[] = [];
  for await (const { key } of store.list(walPrefix, { delimiter: '/' }, signal))
    if (key.endsWith('/')) writers.push(key.slice(walPrefix.length, -1));
  return writers;
}

/**
 * Deletes a writer's segments up to and including `throughSeq`. Only once every tenant with entries in them has a manifest
 * that covers them. Returns how many there were.
 */
export async function deleteSegments(
  store: ObjectStore,
  writer: string,
  throughSeq: number,
  signal?: AbortSignal,
): Promise<number> {
  let count = 0;
  let deletes: Promise<void>[] = [];
  for await (const { key } of store.list(writerPrefix(writer), {}, signal)) {
    const seq = seqOfKey(writer, key);
    if (seq === undefined) continue;
    if (seq > throughSeq) break;
    count++;
    const deleted = store.delete(key, signal);
    // Awaited below, but perhaps only after the listing has failed or gone on.
    deleted.catch(() => {});
    deletes.push(deleted);
    if (deletes.length < deletesAtOnce) continue;
    await Promise.all(deletes);
    deletes = [];
  }
  await Promise.all(deletes);
  return count;
}
