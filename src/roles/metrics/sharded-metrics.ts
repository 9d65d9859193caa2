/**
 * One of the processes that share the metrics of all writers' spans. The shards are spread over the processes that live;
 * each process follows all segments, and counts of them the traces of its shards.
 *
 *   every renewal   say "I live" ─► who lives? ─► give away what is others' now ─► take what is mine and free
 *
 * A shard moves with everything: counters, halves of requests that wait, and where its counting stands in the segments
 * of every writer. The new owner follows the segments from there again, and skips for each shard what that has counted.
 */
import type { Clock } from '../../base/clock.ts';
import { ErrorKind } from '../../base/errors.ts';
import type { Rng } from '../../base/random.ts';
import { isKind, type ObjectStore } from '../../objectstore/object-store.ts';
import type { Segment } from '../../wal/segment-codec.ts';
import type { Member } from '../members/member-keys.ts';
import type { WriterDirectory } from '../members/writer-directory.ts';
import type { RecentAnswer } from '../tail/recent-segments.ts';
import { SegmentTail } from '../tail/segment-tail.ts';
import { type TailPosition, tailStart } from '../tail/writer-tail.ts';
import type { CheckpointStore, Position } from './checkpoint.ts';
import { MetricsMembers } from './metrics-members.ts';
import type { MetricsRole } from './metrics-role.ts';
import { newestHead, shardCount } from './shard-heads.ts';
import { ShardRecord } from './shard-record.ts';
import { ShardScanner, type ShardScannerOptions } from './shard-scanner.ts';

export interface ShardedMetricsOptions extends ShardScannerOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly rng: Rng;
  /** Of this process, the same after a restart if it can be. */
  readonly id: string;
  readonly renewMs: number;
  readonly deadAfterMs: number;
  readonly directory: WriterDirectory;
  readonly ask: (writer: string, member: Member, after: number) => Promise<RecentAnswer>;
  /** Not opened yet. */
  readonly roleOf: (shard: number, checkpoints: CheckpointStore) => MetricsRole;
  /** Another process has counted the shard since this one did: what waits here to be sent is older than what it sent. */
  readonly forgetQueue: (shard: number) => Promise<void>;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
}

interface OwnShard {
  readonly role: MetricsRole;
  readonly record: ShardRecord;
}

/** Pause between two looks at every writer. */
const followMs = 200;
/** A shard that is given away may send what waits for so long. */
const drainMs = 5_000;
/** What has been counted is kept so often even if nothing is collected, so that segments may go. */
const checkpointMs = 15_000;

export class ShardedMetrics {
  readonly #options: ShardedMetricsOptions;
  readonly #members: MetricsMembers;
  readonly #scanner: ShardScanner;
  readonly #shards = new Map<number, OwnShard>();
  readonly #abort = new AbortController();
  #tail: SegmentTail | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ShardedMetricsOptions) {
    this.#options = options;
    this.#members = new MetricsMembers(options);
    this.#scanner = new ShardScanner(options);
  }

  /** Takes part. Resolves when it counts what nobody else does. */
  async start(): Promise<void> {
    await this.#round();
    this.#running = this.#run();
  }

  get roles(): readonly MetricsRole[] {
    return [...this.#shards.values()].map(({ role }) => role);
  }

  /** Hands its shards to whoever is there. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
    this.#tail?.stop();
    await Promise.all([...this.#shards.keys()].map((shard) => this.#giveAway(shard)));
    await this.#members.leave().catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { clock, renewMs, log } = this.#options;
    const { signal } = this.#abort;
    for (;;) {
      await clock.sleep(renewMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      await this.#round().catch((error: unknown) =>
        log.warn({ reason: String(error) }, 'shards of the metrics could not be looked after; will try again'),
      );
    }
  }

  async #round(): Promise<void> {
    await this.#members.renew();
    const live = await this.#members.live();
    const isMine = (shard: number): boolean => live[shard % live.length] === this.#options.id;
    const leaving: Promise<void>[] = [];
    for (const [shard, { role, record }] of this.#shards) {
      if (record.isLost) {
        this.#options.log.warn({ shard }, 'another process took over a shard of the metrics');
        this.#shards.delete(shard);
        leaving.push(role.abandon());
      } else if (!isMine(shard)) leaving.push(this.#giveAway(shard));
    }
    await Promise.all(leaving);
    let claimed = 0;
    for (let shard = 0; shard < shardCount; shard++)
      if (isMine(shard) && !this.#shards.has(shard) && (await this.#claim(shard, live))) claimed++;
    if (claimed > 0) this.#follow();
    await this.#keep();
  }

  async #keep(): Promise<void> {
    const nowMs = this.#options.clock.nowMs();
    for (const role of this.roles) if (Math.abs(nowMs - role.keptMs) >= checkpointMs) await role.checkpoint();
  }

  /** False when it is not free. */
  async #claim(shard: number, live: readonly string[]): Promise<boolean> {
    const { id, roleOf, forgetQueue, store, log } = this.#options;
    const newest = await newestHead(store, shard);
    const owner = newest?.owner ?? '';
    if (owner !== '' && owner !== id && live.includes(owner)) return false;
    try {
      if (owner !== id) await forgetQueue(shard);
      const record = await ShardRecord.claim({ ...this.#options, shard, owner: id }, newest);
      const role = roleOf(shard, record);
      await role.open();
      void role.run();
      this.#shards.set(shard, { role, record });
      log.info({ shard, before: owner }, 'this process counts a shard of the metrics');
      return true;
    } catch (error) {
      if (isKind(error, ErrorKind.conflict)) return false;
      throw error;
    }
  }

  async #giveAway(shard: number): Promise<void> {
    const own = this.#shards.get(shard);
    if (own === undefined) return;
    this.#shards.delete(shard);
    await own.role.stop(drainMs);
    await own.record
      .release()
      .catch((error: unknown) =>
        this.#options.log.warn({ shard, reason: String(error) }, 'a shard of the metrics was not released'),
      );
  }

  /** Follows the segments from where the own shards stand. */
  #follow(): void {
    const { store, clock, directory, ask, log } = this.#options;
    this.#tail?.stop();
    const tail = new SegmentTail({
      store,
      clock,
      directory,
      ask,
      onSegment: (segment) => {
        if (this.#tail === tail) this.#count(segment, tail);
      },
      onGone: () => this.#forgetOthers(tail),
      from: (writer) => this.#start(writer),
      // A process that counts its own spans says so; one that was alone over the store has counted them too.
      isSkipped: (_writer, member) => member === undefined || member.countsMetrics === true,
      followMs,
      log,
    });
    this.#tail = tail;
    // What cannot be read now is tried again by what runs.
    void tail.catchUp().then(
      () => this.#forgetOthers(tail),
      () => undefined,
    );
    void tail.run();
  }

  #start(writer: string): TailPosition {
    const through = this.roles.map((role) => role.positionOf(writer)?.through ?? 0);
    return { ...tailStart, through: through.length === 0 ? 0 : Math.min(...through) };
  }

  #count(segment: Segment, tail: SegmentTail): void {
    const { writer, seq, createdUnixMs } = segment.header;
    const rows = this.#scanner.scan(segment);
    const handed = tail.positions.get(writer) ?? tailStart;
    for (const [shard, { role }] of this.#shards) {
      const before = role.positionOf(writer);
      const isNew = before === undefined || (seq > before.through && !before.beyond.includes(seq));
      const positions = { [writer]: before === undefined ? handed : union(before, handed) };
      role.apply({ rows: isNew ? rows[shard]! : [], receivedMs: createdUnixMs, positions });
    }
  }

  #forgetOthers(tail: SegmentTail): void {
    if (this.#tail !== tail) return;
    const writers = [...tail.positions.keys()];
    for (const role of this.roles) role.keepPositions(writers);
  }
}

/** What either has counted. */
function union(a: Position, b: Position): Position {
  const through = Math.max(a.through, b.through);
  const beyond = new Set([...a.beyond, ...b.beyond].filter((seq) => seq > through));
  return { through, beyond: [...beyond] };
}
