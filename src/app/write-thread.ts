/**
 * The write role in a thread of its own: receivers, segments and live tables, so that a heavy query never delays an
 * acknowledgement. Started by `write-role.ts` with {@link WriteThreadData}; it then answers {@link WriteThreadMethods}.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { everybody } from '../auth/principal.ts';
import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import { systemRng } from '../base/random.ts';
import { ManifestStore } from '../block/manifest.ts';
import type { GeneratorSettings } from '../generator/settings.ts';
import type { Member } from '../roles/members/member-keys.ts';
import { Tenure } from '../roles/members/tenure.ts';
import { announceMarginMs } from '../roles/members/writer-directory.ts';
import type { MetricsStatus } from '../roles/metrics/metrics-role.ts';
import { SegmentHold } from '../roles/metrics/segment-hold.ts';
import { encodeRecent, recentBytesMax } from '../roles/tail/recent-protocol.ts';
import { RecentSegments } from '../roles/tail/recent-segments.ts';
import { BodyGate } from '../roles/write/body-gate.ts';
import { ForwardIngest } from '../roles/write/forward-ingest.ts';
import { Forwarder, type ForwarderCounters } from '../roles/write/forwarder.ts';
import type { Admit } from '../roles/write/ingest.ts';
import { type ReceiverAddress, type ReceiverCounters, Receivers } from '../roles/write/receivers.ts';
import { replay } from '../roles/write/replay.ts';
import { SegmentRemoval } from '../roles/write/segment-removal.ts';
import { Translator } from '../roles/write/translator.ts';
import type { UsageCounts } from '../roles/write/usage-counters.ts';
import { type WriteSession, WriteSessions } from '../roles/write/write-sessions.ts';
import { type LiveView, Writer, type WriterCounters } from '../roles/write/writer.ts';
import { newWriterId } from '../wal/segment-keys.ts';
import { listWriters } from '../wal/segment-reader.ts';
import { SegmentWriter } from '../wal/segment-writer.ts';
import { createAuthentication } from './authentication.ts';
import { BuildThread } from './build-thread-client.ts';
import { asksCredentials } from './config/auth-schema.ts';
import type { Config } from './config/schema.ts';
import { ingestUsage } from './ingest-usage.ts';
import { valueFor, type WriteSettings } from './limits.ts';
import { createLog } from './log.ts';
import { MetricsFeed } from './metrics-feed.ts';
import type { MetricsText } from './metrics-thread.ts';
import { openStore } from './open-store.ts';
import type { ByTenant } from './overrides/tenant-overrides.ts';
import { forwarderSpecs, receiverSpecs } from './receiver-specs.ts';
import { writeTenant } from './tenant.ts';
import { type Handlers, serve, ThreadClient } from './thread-rpc.ts';
import { TranslateThread } from './translate-thread-client.ts';
import { warmUpScanner } from './warm-up/scanner.ts';

export interface WriteThreadData {
  readonly config: Config;
  readonly settings: ByTenant<WriteSettings>;
  readonly writerId: string;
  /** No other process uses the store. */
  readonly isAlone: boolean;
  /** Others make the metrics of this writer's spans, and need its segments for that. */
  readonly isCounted: boolean;
  /** One Int32 that is raised whenever a reader could see something new. */
  readonly changes: SharedArrayBuffer;
}

/** The newest segments of a writer of this process behind one. */
export interface RecentQuestion {
  readonly writer: string;
  readonly after: number;
}

export interface WriteThreadStatus {
  readonly counters: WriterCounters;
  readonly usage: UsageCounts;
  readonly liveSpans: number;
  readonly heldBodyBytes: number;
  readonly pendingSegmentBytes: number;
  readonly tenants: readonly string[];
  readonly receivers: ReceiverCounters;
  readonly forwarders: readonly ForwarderStatus[];
  /** Undefined while no tenant wants metrics. */
  readonly generator: MetricsStatus | undefined;
  /** Spans that are missing from generated metrics. */
  readonly generatorLostSpans: number;
}

export interface ForwarderStatus {
  readonly name: string;
  readonly waitingBytes: number;
  readonly counters: ForwarderCounters;
}

export interface WriteThreadPorts {
  /** All that listen, in a fixed order. */
  readonly receivers: readonly ReceiverAddress[];
}

/** Unanswered request bodies in memory at once, bytes. */
const heldBodiesMax = 48 * 1024 * 1024;
/** Segments on their way to the store, and their bytes: what a slow disk may cost in memory. */
const segmentsInFlightMax = 2;
const segmentBytesMax = 8 * 1024 * 1024;
/** A durable segment costs half a millisecond on a disk, and some ten milliseconds and money in a bucket. */
const lingerDefaultMs = { disk: 10, bucket: 500 };
const pendingSegmentBytesMax = 64 * 1024 * 1024;
/** Tables' worth of spans, about 15 MB each, that may wait for the builder before senders are slowed down. */
const frozenTablesMax = 2;
const tickMs = 1000;
/** Compressed segments in memory for readers that follow: seconds of a writer's work at full speed. */
const recentSegmentsBytesMax = 16 * 1024 * 1024;
/** A writer that is told to stop builds blocks for so long, then leaves its segments to others. */
const drainMsMax = 15_000;

assert(parentPort !== null, 'this file is the entry of a thread');
const { config, changes, writerId, isAlone, isCounted, settings: firstSettings } = workerData as WriteThreadData;
const log = createLog(config.server, 'write');
const changeCount = new Int32Array(changes);
/** Of every tenant, as of the last time that they changed. */
let settings = firstSettings;
const settingsOf = (tenant: string): WriteSettings => valueFor(settings, tenant);
const generatorSettings = (of: ByTenant<WriteSettings>): ByTenant<GeneratorSettings> => ({
  tenants: new Map([...of.tenants].map(([tenant, { generator }]) => [tenant, generator])),
  others: of.others.generator,
});
const metrics = new MetricsFeed({
  config,
  settings: generatorSettings(firstSettings),
  writerId,
  clock: systemClock,
  log,
});
const usage = ingestUsage(config.distributor, (tenant) => settingsOf(tenant).costs, log);

const store = await openStore(config);
const manifest = new ManifestStore(store, systemClock, systemRng);
const builder = new BuildThread(config);
const removal = new SegmentRemoval(
  store,
  isCounted
    ? new SegmentHold({ store, clock: systemClock, holdMsMax: config.metrics_generator.hold_segments })
    : undefined,
);
const changed = (): void => void Atomics.add(changeCount, 0, 1);
/** Of all sessions. */
const counters: WriterCounters = { receivedSpans: 0, blocksBuilt: 0, buildFailures: 0 };

function createSession(member: Member, id: string, onLost: (reason: string) => void): WriteSession {
  const { renew_interval: renewMs } = config.cluster;
  const tenure = isAlone
    ? undefined
    : new Tenure({ store, clock: systemClock, writer: id, member, renewMs, onLost, log });
  const confirm = async (): Promise<void> => tenure?.confirm();
  const recent = isAlone ? undefined : new RecentSegments(recentSegmentsBytesMax);
  const writer = new Writer({
    writerId: id,
    clock: systemClock,
    manifest,
    builder,
    confirm,
    limitsOf: (tenant) => settingsOf(tenant).limits,
    deleteSegments: async (owner, seqs) => {
      // Or spans that are in no checkpoint could not be counted after a crash.
      await metrics.checkpoint();
      await removal.remove(owner, seqs);
    },
    blockSpansMax: config.live_store.max_block_spans,
    blockAgeMsMax: config.live_store.max_block_duration,
    frozenSpansMax: frozenTablesMax * config.live_store.max_block_spans,
    waitingBytesMax: heldBodiesMax,
    counters,
    observer: {
      stored(request) {
        usage.stored(request);
        metrics.stored(request);
      },
      refused: (request) => usage.refused(request),
    },
    onChange: changed,
    log,
  });
  const segments = new SegmentWriter({
    store,
    writer: id,
    clock: systemClock,
    lingerMs:
      config.storage.trace.wal.linger ?? lingerDefaultMs[config.storage.trace.backend === 'local' ? 'disk' : 'bucket'],
    segmentBytesMax: config.storage.trace.wal.segment_bytes ?? segmentBytesMax,
    inFlightMax: segmentsInFlightMax,
    pendingBytesMax: pendingSegmentBytesMax,
    confirm,
    onCut: (seq) => writer.onCut(seq),
    onDurable: (seq, object) => {
      recent?.add(seq, object);
      writer.onDurable(seq);
    },
    onFailed: (seq, error) => writer.onFailed(seq, error),
  });
  writer.attach(segments);
  return { id, writer, segments, tenure, recent };
}

const gate = new BodyGate(heldBodiesMax);
const tenantOf = (orgId: string | undefined): string => writeTenant(everybody, orgId, config.multitenancy_enabled);
const authentication = createAuthentication(config.auth, systemClock, log);
/** Undefined: nobody is asked who they are. */
const admit: Admit | undefined = asksCredentials(config.auth)
  ? async (caller) => {
      const principal = await authentication.authenticate(caller);
      return (orgId) => writeTenant(principal, orgId, config.multitenancy_enabled);
    }
  : undefined;
const translateThread = new TranslateThread();
const translator = new Translator(translateThread);
let receivers: Receivers | undefined;
let forwarders: readonly Forwarder[] = [];
/** From the start on. */
let sessions: WriteSessions | undefined;
const ticker = setInterval(() => {
  sessions?.current.writer.tick();
  if (removal.heldCount > 0)
    removal
      .retry()
      .catch((error: unknown) => log.warn({ reason: String(error) }, 'segments that are held cannot be looked after'));
}, tickMs);

async function replayAll(writer: Writer): Promise<void> {
  const replayed = await replay({
    store,
    manifest,
    writer,
    ownWriterId: writerId,
    attributeBytesMax: (tenant) => settingsOf(tenant).limits.attributeBytesMax,
    blockSpansMax: config.live_store.max_block_spans,
    metrics: metrics.isActive ? metrics : undefined,
    log,
  });
  await metrics.replayEnded(await listWriters(store));
  if (replayed.segments > 0)
    log.info({ ...replayed, skipped: replayed.skipped.length }, 'segments of an earlier run are live again');
}

function createSessions(member: Member): WriteSessions {
  return new WriteSessions(writerId, {
    clock: systemClock,
    newId: () => newWriterId(systemRng),
    create: (id, onLost) => createSession(member, id, onLost),
    announceMs: config.cluster.discovery_interval + announceMarginMs,
    onReplaced(id) {
      metrics.setWriter(id);
      changed();
      void host.call('writerReplaced', id);
    },
    log,
  });
}

async function leave(tenure: Tenure, writer: Writer): Promise<void> {
  await Promise.race([writer.flush().catch(() => undefined), systemClock.sleep(drainMsMax)]);
  const left = writer.liveSpans;
  if (left > 0) log.warn({ spans: left }, 'not everything live got into blocks in time; others will do it');
  await removal.retry().catch(() => undefined);
  await (left > 0 || removal.heldCount > 0 ? tenure.seal() : tenure.end()).catch((error: unknown) =>
    log.warn({ reason: String(error) }, 'the store does not answer; others will notice that this writer is gone'),
  );
}

export const methods = {
  /**
   * Opens the receivers: alone, when everything that earlier writers left is live again; in a cluster, when every reader
   * knows this writer. `member`: how others reach it.
   */
  async start(member: Member): Promise<WriteThreadPorts> {
    await metrics.start();
    sessions = createSessions(member);
    if (isAlone) await replayAll(sessions.current.writer);
    await sessions.join();
    forwarders = forwarderSpecs(config.distributor.forwarders).map((spec) => {
      return new Forwarder(spec, { clock: systemClock, log });
    });
    const ingest = new ForwardIngest(sessions, forwarders, (tenant) => settingsOf(tenant).forwarders);
    receivers = new Receivers(receiverSpecs(config, log), {
      ingest,
      gate,
      tenantOf,
      admit,
      translator,
      clock: systemClock,
      log,
    });
    const listening = await receivers.listen();
    if (config.server.warm_up) {
      // Not sooner: it would take the processor from what the start needs.
      void builder.warmUp();
      void warmUpScanner(systemClock);
    }
    return { receivers: listening };
  },
  /** Limits have changed. */
  configure: (others: ByTenant<WriteSettings>): void => {
    settings = others;
    metrics.configure(generatorSettings(others));
  },
  /** Generated metrics of a tenant. */
  generatorText: ({ tenant, format }: MetricsText): Promise<string> => metrics.text(tenant, format),
  /** Prometheus text of cost attribution. */
  usageText: (): string => usage.costText(),
  live: (tenant: string): LiveView =>
    sessions?.current.writer.live(tenant) ?? { writer: writerId, manifestVersion: 0, tables: [] },
  /** For those who follow: see `recent-protocol.ts`. Undefined when the writer is not, or no longer, of this process. */
  recent: ({ writer, after }: RecentQuestion): Uint8Array | undefined => {
    const session = sessions?.current;
    if (session?.id !== writer || session.recent === undefined) return undefined;
    return encodeRecent(session.recent.since(after, recentBytesMax));
  },
  status: async (): Promise<WriteThreadStatus> => ({
    counters,
    usage: usage.counts(),
    liveSpans: sessions?.current.writer.liveSpans ?? 0,
    heldBodyBytes: gate.heldBytes,
    pendingSegmentBytes: sessions?.current.segments.pendingBytes ?? 0,
    tenants: sessions?.current.writer.tenants ?? [],
    receivers: receivers?.counters() ?? { udp: {}, kafka: undefined },
    forwarders: forwarders.map(({ name, waitingBytes, counters }) => ({ name, waitingBytes, counters })),
    generator: await metrics.status(),
    generatorLostSpans: metrics.lostSpans,
  }),
  flush: async (): Promise<void> => void (await sessions?.current.writer.flush()),
  /**
   * Everything that was acknowledged is in blocks, and none of its segments in memory any more. False when the writer is
   * not, or no longer, of this process.
   */
  giveUpSegments: async (writer: string): Promise<boolean> => {
    const session = sessions?.current;
    if (session?.id !== writer) return false;
    session.recent?.forget(await session.writer.flush());
    return true;
  },
  drain: (): void => receivers?.drain(),
  /**
   * No request that was accepted is lost. Alone, live rows stay in their segments for the next start; in a cluster they
   * go into blocks, or are left to others.
   */
  async stop(): Promise<void> {
    await receivers?.close();
    await sessions?.end();
    const session = sessions?.current;
    if (session?.tenure !== undefined) await leave(session.tenure, session.writer);
    clearInterval(ticker);
    await Promise.all([session?.writer.stop(), ...forwarders.map((forwarder) => forwarder.close())]);
    await session?.segments.close();
    await metrics.stop();
    await Promise.all([builder.close(), translateThread.close()]);
  },
} satisfies Handlers;
export type WriteThreadMethods = typeof methods;

const host = new ThreadClient(parentPort);
serve(parentPort, methods);
