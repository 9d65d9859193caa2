/**
 * The write role in a thread of its own: receivers, segments and live tables, so that a heavy query never delays an
 * acknowledgement. Started by `write-role.ts` with {@link WriteThreadData}; it then answers {@link WriteThreadMethods}.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import { systemRng } from '../base/random.ts';
import { ManifestStore } from '../block/manifest.ts';
import type { GeneratorSettings } from '../generator/settings.ts';
import type { Member } from '../roles/members/member-keys.ts';
import { Tenure } from '../roles/members/tenure.ts';
import { announceMarginMs } from '../roles/members/writer-directory.ts';
import type { MetricsStatus } from '../roles/metrics/metrics-role.ts';
import { encodeRecent, recentBytesMax } from '../roles/tail/recent-protocol.ts';
import { RecentSegments } from '../roles/tail/recent-segments.ts';
import { BodyGate } from '../roles/write/body-gate.ts';
import { ForwardIngest } from '../roles/write/forward-ingest.ts';
import { Forwarder, type ForwarderCounters } from '../roles/write/forwarder.ts';
import { type ReceiverAddress, type ReceiverCounters, Receivers } from '../roles/write/receivers.ts';
import { replay } from '../roles/write/replay.ts';
import { Translator } from '../roles/write/translator.ts';
import type { UsageCounts } from '../roles/write/usage-counters.ts';
import { type LiveView, Writer, type WriterCounters } from '../roles/write/writer.ts';
import { segmentKey } from '../wal/segment-keys.ts';
import { listWriters } from '../wal/segment-reader.ts';
import { SegmentWriter } from '../wal/segment-writer.ts';
import { BuildThread } from './build-thread-client.ts';
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
import { type Handlers, serve } from './thread-rpc.ts';
import { TranslateThread } from './translate-thread-client.ts';
import { warmUpScanner } from './warm-up/scanner.ts';

export interface WriteThreadData {
  readonly config: Config;
  readonly settings: ByTenant<WriteSettings>;
  readonly writerId: string;
  /** No other process uses the store. */
  readonly isAlone: boolean;
  /** One Int32 that is raised whenever a reader could see something new. */
  readonly changes: SharedArrayBuffer;
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
const { config, changes, writerId, isAlone, settings: firstSettings } = workerData as WriteThreadData;
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
/** In a cluster, from the start on: this writer's right to its id. */
let tenure: Tenure | undefined;
const confirm = async (): Promise<void> => tenure?.confirm();
const recent = isAlone ? undefined : new RecentSegments(recentSegmentsBytesMax);
const writer = new Writer({
  writerId,
  clock: systemClock,
  manifest,
  builder,
  confirm,
  limitsOf: (tenant) => settingsOf(tenant).limits,
  deleteSegments: async (owner, seqs) => {
    // Or spans that are in no checkpoint could not be counted after a crash.
    await metrics.checkpoint();
    await Promise.all(seqs.map((seq) => store.delete(segmentKey(owner, seq))));
  },
  blockSpansMax: config.live_store.max_block_spans,
  blockAgeMsMax: config.live_store.max_block_duration,
  frozenSpansMax: frozenTablesMax * config.live_store.max_block_spans,
  waitingBytesMax: heldBodiesMax,
  observer: {
    stored(request) {
      usage.stored(request);
      metrics.stored(request);
    },
    refused: (request) => usage.refused(request),
  },
  onChange: () => Atomics.add(changeCount, 0, 1),
  log,
});
const segments = new SegmentWriter({
  store,
  writer: writerId,
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

const gate = new BodyGate(heldBodiesMax);
const tenantOf = (orgId: string | undefined): string => writeTenant(orgId, config.multitenancy_enabled);
const translateThread = new TranslateThread();
const translator = new Translator(translateThread);
let receivers: Receivers | undefined;
let forwarders: readonly Forwarder[] = [];
const ticker = setInterval(() => writer.tick(), tickMs);

async function replayAll(): Promise<void> {
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

/** Resolves when every reader that answers queries knows of this writer. */
async function join(member: Member): Promise<void> {
  const { renew_interval: renewMs, discovery_interval: discoveryMs } = config.cluster;
  tenure = new Tenure({
    store,
    clock: systemClock,
    writer: writerId,
    member,
    renewMs,
    // Whoever started this process starts it again, with another id.
    onLost: (reason) =>
      setImmediate(() => {
        throw new Error(`this writer was taken for dead and must begin anew: ${reason}`);
      }),
    log,
  });
  await tenure.begin();
  await systemClock.sleep(discoveryMs + announceMarginMs);
}

async function leave(ours: Tenure): Promise<void> {
  await Promise.race([writer.flush(), systemClock.sleep(drainMsMax)]);
  const left = writer.liveSpans;
  if (left > 0) log.warn({ spans: left }, 'not everything live got into blocks in time; others will do it');
  await (left > 0 ? ours.seal() : ours.end()).catch((error: unknown) =>
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
    if (isAlone) await replayAll();
    else await join(member);
    forwarders = forwarderSpecs(config.distributor.forwarders).map((spec) => {
      return new Forwarder(spec, { clock: systemClock, log });
    });
    const ingest = new ForwardIngest(writer, forwarders, (tenant) => settingsOf(tenant).forwarders);
    receivers = new Receivers(receiverSpecs(config, log), {
      ingest,
      gate,
      tenantOf,
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
  configure: (changed: ByTenant<WriteSettings>): void => {
    settings = changed;
    metrics.configure(generatorSettings(changed));
  },
  /** Generated metrics of a tenant. */
  generatorText: ({ tenant, format }: MetricsText): Promise<string> => metrics.text(tenant, format),
  /** Prometheus text of cost attribution. */
  usageText: (): string => usage.costText(),
  live: (tenant: string): LiveView => writer.live(tenant),
  /** The newest segments behind one, for those who follow this writer: see `recent-protocol.ts`. */
  recent: (after: number): Uint8Array => {
    assert(recent !== undefined, 'in a cluster, segments are kept');
    return encodeRecent(recent.since(after, recentBytesMax));
  },
  status: async (): Promise<WriteThreadStatus> => ({
    counters: writer.counters,
    usage: usage.counts(),
    liveSpans: writer.liveSpans,
    heldBodyBytes: gate.heldBytes,
    pendingSegmentBytes: segments.pendingBytes,
    tenants: writer.tenants,
    receivers: receivers?.counters() ?? { udp: {}, kafka: undefined },
    forwarders: forwarders.map(({ name, waitingBytes, counters }) => ({ name, waitingBytes, counters })),
    generator: await metrics.status(),
    generatorLostSpans: metrics.lostSpans,
  }),
  flush: (): Promise<void> => writer.flush(),
  /**
   * No request that was accepted is lost. Alone, live rows stay in their segments for the next start; in a cluster they
   * go into blocks, or are left to others.
   */
  async stop(): Promise<void> {
    await receivers?.close();
    if (tenure !== undefined) await leave(tenure);
    clearInterval(ticker);
    await Promise.all([writer.stop(), ...forwarders.map((forwarder) => forwarder.close())]);
    await segments.close();
    await metrics.stop();
    await Promise.all([builder.close(), translateThread.close()]);
  },
} satisfies Handlers;
export type WriteThreadMethods = typeof methods;

serve(parentPort, methods);
