/**
 * Finishes the work of writers that are gone: their segments become blocks, a manifest commit covers them, and they are
 * deleted. A writer is taken for dead when neither its member object nor its segments have changed for `deadAfterMs`, as
 * this process saw it, or when its seal is there.
 *
 *   seal ─► read segments in order, those the manifest does not cover ─► block ─► commit "covered from a to b" ─► delete
 *
 * The seal ends whatever the writer is still up to (`../members/tenure.ts`). Several adopters of one writer do no harm: a
 * commit moves `covered` from exactly where its block begins, so the second one fits no longer and its block is an orphan.
 */
import type { Clock } from '../../base/clock.ts';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import type { Rng } from '../../base/random.ts';
import { blockIdUnixMs, newBlockId } from '../../block/block-id.ts';
import { buildBlockOf } from '../../block/build.ts';
import type { BlockMeta, ManifestStore } from '../../block/manifest.ts';
import { blockFileKey } from '../../block/manifest-keys.ts';
import { SpanTable } from '../../model/span-table.ts';
import { isKind, type ObjectStore } from '../../objectstore/object-store.ts';
import { OtlpScanner } from '../../protocol/otlp/scan.ts';
import type { Segment } from '../../wal/segment-codec.ts';
import { seqOfKey, writerPrefix } from '../../wal/segment-keys.ts';
import { deleteSegments, listWriters, readSegments, type SkippedSegment } from '../../wal/segment-reader.ts';
import {
  decodeMember,
  memberKey,
  sealedUnixMs,
  sealKey,
  sealsPrefix,
  writerOfKey,
  writersPrefix,
} from '../members/member-keys.ts';
import { sealWriter } from '../members/tenure.ts';
import type { SegmentHold } from '../metrics/segment-hold.ts';
import type { BackendLog } from './backend-observer.ts';

export interface AdopterOptions {
  readonly store: ObjectStore;
  readonly manifest: ManifestStore;
  readonly clock: Clock;
  readonly rng: Rng;
  /** Without a sign of life for so long a writer is dead. */
  readonly deadAfterMs: number;
  /** Spans a block is built of; more segments make more blocks. */
  readonly blockSpansMax: number;
  readonly attributeBytesMax: (tenant: string) => number;
  /** Awaited between segments: gives way to more important work. */
  readonly pace: (signal?: AbortSignal) => Promise<void>;
  readonly onManifest: (tenant: string, version: number) => void;
  /** What metrics processes have not counted yet stays. */
  readonly hold: SegmentHold;
  readonly log: BackendLog;
}

/** A writer gives up by itself long before its seal is removed, if it could not look for it. */
const sealAgeMsMax = 24 * 60 * 60_000;
/** A block is committed at most so long after it was made; orphans are kept for longer. */
const blockMsMax = 60 * 60_000;

/** Segments without a member object are left by processes that were alone over the store before. */
const fullRoundMsMax = 3 * 60_000;
const takeOverTriesMax = 20;
const takeOverPauseMs = 500;

/** A tenant's rows of segments that are not in blocks yet. */
interface Gathered {
  readonly table: SpanTable;
  readonly scanner: OtlpScanner;
}

/** Another adopter was faster. */
class Overtaken extends Error {}

export class Adopter {
  readonly #options: AdopterOptions;
  /** What was seen of a writer when it last changed. */
  readonly #signs = new Map<string, { sign: string; sinceMs: number }>();
  /** Writers whose segments are all in blocks, up to the last one, and wait for being counted. */
  readonly #held = new Map<string, number>();

  constructor(options: AdopterOptions) {
    this.#options = options;
  }

  /**
   * Ends a writer's tenure whether it lives or not; resolves when everything that it had acknowledged is in blocks. Its
   * segments are gone then, unless metrics processes have yet to count them.
   */
  async takeOver(writer: string, signal?: AbortSignal): Promise<void> {
    const { store, clock } = this.#options;
    await sealWriter(store, writer, clock.nowMs());
    for (let tries = 1; ; tries++) {
      try {
        if (await this.#adopt(writer, signal)) await store.delete(memberKey(writer), signal);
        return;
      } catch (error) {
        if (!(error instanceof Overtaken) || tries === takeOverTriesMax) throw error;
        // Somebody else is at it: from what that one has left next.
        await clock.sleep(takeOverPauseMs, signal);
      }
    }
  }

  /** Looks, several times in the time that makes a writer dead, until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, rng, deadAfterMs, log } = this.#options;
    const fullEveryMs = Math.min(fullRoundMsMax, 3 * deadAfterMs);
    let fullMs = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      const isFull = clock.nowMs() - fullMs >= fullEveryMs;
      if (isFull) fullMs = clock.nowMs();
      await this.round(signal, isFull).catch((error: unknown) => {
        if (!signal.aborted) log.error({ reason: String(error) }, 'dead writers could not be looked for');
      });
      await clock.sleep((deadAfterMs / 3) * (0.5 + rng.float()), signal).catch(() => undefined);
    }
  }

  /**
   * Looks at all writers with member objects once; a full round also at segments without, and at old seals, which are rare
   * and cost two listings. Returns how many were adopted.
   */
  async round(signal?: AbortSignal, isFull = true): Promise<number> {
    const { store, clock, log } = this.#options;
    const members = await this.#listIds(writersPrefix, signal);
    const writers = new Set(members);
    if (isFull) {
      for (const writer of await listWriters(store, signal)) writers.add(writer);
      for (const writer of this.#signs.keys()) if (!writers.has(writer)) this.#signs.delete(writer);
      for (const writer of this.#held.keys()) if (!writers.has(writer)) this.#held.delete(writer);
    }
    let adopted = 0;
    for (const writer of writers) {
      const isSealed = await this.#isSealed(writer, signal);
      if (!isSealed && !(await this.#isDead(writer, members.has(writer), signal))) continue;
      try {
        if (!isSealed) await sealWriter(store, writer, clock.nowMs());
        if (!(await this.#adopt(writer, signal))) continue;
        await store.delete(memberKey(writer), signal);
        adopted++;
      } catch (error) {
        if (signal?.aborted === true) throw error;
        if (error instanceof Overtaken) continue;
        log.error({ writer, reason: String(error) }, 'segments of a dead writer were not adopted; will try again');
      }
    }
    if (isFull) await this.#removeOldSeals(await this.#listIds(sealsPrefix, signal), writers, signal);
    return adopted;
  }

  async #isSealed(writer: string, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      await this.#options.store.get(sealKey(writer), signal);
      return true;
    } catch (error) {
      if (isKind(error, ErrorKind.notFound)) return false;
      throw error;
    }
  }

  async #listIds(prefix: string, signal: AbortSignal | undefined): Promise<Set<string>> {
    const ids = new Set<string>();
    for await (const { key } of this.#options.store.list(prefix, {}, signal)) {
      const id = writerOfKey(prefix, key);
      if (id !== undefined) ids.add(id);
    }
    return ids;
  }

  async #isDead(writer: string, hasMember: boolean, signal: AbortSignal | undefined): Promise<boolean> {
    const { clock, deadAfterMs } = this.#options;
    const nowMs = clock.nowMs();
    const known = this.#signs.get(writer);
    const member = hasMember ? await this.#memberText(writer, signal) : '';
    let sign = `${member} `;
    // A renewed member object is sign enough.
    if (known === undefined || known.sign.startsWith(sign)) sign += await this.#lastSeq(writer, signal);
    if (known?.sign !== sign) {
      this.#signs.set(writer, { sign, sinceMs: nowMs });
      return false;
    }
    return nowMs - known.sinceMs >= deadAfterMs;
  }

  async #memberText(writer: string, signal: AbortSignal | undefined): Promise<string> {
    try {
      return new TextDecoder().decode(await this.#options.store.get(memberKey(writer), signal));
    } catch (error) {
      if (isKind(error, ErrorKind.notFound)) return '';
      throw error;
    }
  }

  async #lastSeq(writer: string, signal: AbortSignal | undefined): Promise<number> {
    let last = 0;
    for await (const { key } of this.#options.store.list(writerPrefix(writer), {}, signal))
      last = seqOfKey(writer, key) ?? last;
    return last;
  }

  /** False when its segments are in blocks but must stay for now. */
  async #adopt(writer: string, signal: AbortSignal | undefined): Promise<boolean> {
    const { store, clock, log } = this.#options;
    if (this.#held.has(writer)) return this.#deleteCounted(writer, signal);
    const startedMs = clock.nowMs();
    const adoption = new Adoption(writer, this.#options, signal);
    const skipped: SkippedSegment[] = [];
    for await (const segment of readSegments(store, writer, 0, (bad) => skipped.push(bad), signal)) {
      await adoption.add(segment);
      await this.#options.pace(signal);
    }
    await adoption.finish();
    for (const { key, reason } of skipped) {
      log.error({ key, reason }, 'a damaged segment was set aside; its requests are lost unless it is repaired');
      await store.put(`damaged/${key}`, await store.get(key, signal));
      await store.delete(key, signal);
    }
    const { spans, blocks, segments } = adoption;
    if (segments > 0)
      log.info(
        { writer, segments, spans, blocks, ms: clock.nowMs() - startedMs },
        'segments of a dead writer are in blocks',
      );
    this.#held.set(writer, adoption.lastSeq);
    return this.#deleteCounted(writer, signal);
  }

  async #deleteCounted(writer: string, signal: AbortSignal | undefined): Promise<boolean> {
    const { store, hold } = this.#options;
    const lastSeq = this.#held.get(writer)!;
    const seqs: number[] = [];
    for await (const { key } of store.list(writerPrefix(writer), {}, signal)) {
      const seq = seqOfKey(writer, key);
      if (seq !== undefined && seq <= lastSeq) seqs.push(seq);
    }
    // One that was alone over the store, or that makes its own metrics, is not followed.
    const member = decodeMember(Buffer.from(await this.#memberText(writer, signal)));
    const isFollowed = member !== undefined && member.countsMetrics !== true;
    if (isFollowed && (await hold.free(writer, seqs)).length < seqs.length) return false;
    await deleteSegments(store, writer, lastSeq, signal);
    this.#held.delete(writer);
    return true;
  }

  async #removeOldSeals(
    seals: ReadonlySet<string>,
    writers: ReadonlySet<string>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { store, clock } = this.#options;
    for (const writer of seals) {
      if (writers.has(writer)) continue;
      const bytes = await store.get(sealKey(writer), signal).catch((error: unknown) => {
        if (isKind(error, ErrorKind.notFound)) return undefined;
        throw error;
      });
      const sealedMs = bytes === undefined ? undefined : sealedUnixMs(bytes);
      if (sealedMs !== undefined && clock.nowMs() - sealedMs > sealAgeMsMax)
        await store.delete(sealKey(writer), signal);
    }
  }
}

/** One writer's segments on their way into blocks. */
class Adoption {
  readonly #writer: string;
  readonly #options: AdopterOptions;
  readonly #signal: AbortSignal | undefined;
  readonly #tables = new Map<string, Gathered>();
  /** By tenant: what is in blocks. */
  readonly #covered = new Map<string, number>();
  lastSeq = 0;
  segments = 0;
  spans = 0;
  blocks = 0;

  constructor(writer: string, options: AdopterOptions, signal: AbortSignal | undefined) {
    this.#writer = writer;
    this.#options = options;
    this.#signal = signal;
  }

  async add({ header, entries }: Segment): Promise<void> {
    const { attributeBytesMax, blockSpansMax } = this.#options;
    this.lastSeq = header.seq;
    this.segments++;
    for (const { tenant, body } of entries) {
      if (header.seq <= (await this.#coveredOf(tenant))) continue;
      const { scanner } = this.#tableOf(tenant);
      scanner.scan(body, { maxAttributeBytes: attributeBytesMax(tenant) });
    }
    let gathered = 0;
    for (const { table } of this.#tables.values()) gathered += table.spanCount;
    // Also when it is many tenants that have a little each.
    const full = gathered >= 2 * blockSpansMax;
    for (const [tenant, { table }] of this.#tables)
      if (full || table.spanCount >= blockSpansMax) await this.#store(tenant);
  }

  async finish(): Promise<void> {
    for (const tenant of [...this.#tables.keys()]) await this.#store(tenant);
  }

  async #coveredOf(tenant: string): Promise<number> {
    let covered = this.#covered.get(tenant);
    if (covered === undefined) {
      const state = await this.#options.manifest.load(tenant, undefined, this.#signal);
      this.#covered.set(tenant, (covered = state.covered.get(this.#writer) ?? 0));
    }
    return covered;
  }

  #tableOf(tenant: string): Gathered {
    let gathered = this.#tables.get(tenant);
    if (gathered === undefined) {
      const table = new SpanTable(256);
      this.#tables.set(tenant, (gathered = { table, scanner: new OtlpScanner(table) }));
    }
    return gathered;
  }

  /** @throws Overtaken */
  async #store(tenant: string): Promise<void> {
    const { manifest, clock, onManifest } = this.#options;
    const writer = this.#writer;
    const { table } = this.#tables.get(tenant)!;
    this.#tables.delete(tenant);
    const seq = this.lastSeq;
    const before = this.#covered.get(tenant)!;
    const block = table.spanCount === 0 ? undefined : await this.#build(tenant, table);
    const state = await manifest.commit(
      tenant,
      (now) => {
        if ((now.covered.get(writer) ?? 0) !== before) return undefined;
        const madeMs = block === undefined ? undefined : blockIdUnixMs(block.id);
        if (madeMs !== undefined && Math.abs(clock.nowMs() - madeMs) > blockMsMax)
          throw new RubatoError(ErrorKind.unavailable, 'paused', 'this process was paused before it could commit');
        return { add: block === undefined ? [] : [block], cover: { writer, seq } };
      },
      { signal: this.#signal },
    );
    onManifest(tenant, state.version);
    if (block === undefined ? state.covered.get(writer) !== seq : !state.blocks.has(block.id)) throw new Overtaken();
    this.#covered.set(tenant, seq);
    this.spans += table.spanCount;
    this.blocks += block === undefined ? 0 : 1;
  }

  async #build(tenant: string, table: SpanTable): Promise<BlockMeta> {
    const { store, clock, rng } = this.#options;
    const id = newBlockId(clock.nowMs(), rng);
    const { parts, ...summary } = buildBlockOf(table.share());
    await Promise.all([...parts].map(([file, bytes]) => store.put(blockFileKey(tenant, id, file), bytes)));
    return { id, ...summary, level: 0, createdUnixMs: clock.nowMs() };
  }
}
