/** Our own metrics, under Tempo's names where they mean the same. What is counted elsewhere is read when it is asked for. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { currentSpan } from './current-span.ts';
import { registerDiskCacheMetrics } from './disk-cache.ts';
import type { TextExemplar } from './open-metrics-text.ts';
import { storeMeter } from './open-store.ts';
import { registerStoreMetrics, storeDurationsText } from './store-metrics.ts';
import { registerUsageMetrics } from './usage-metrics.ts';
import type { WriteThreadStatus } from './write-thread.ts';

export interface MetricsSource {
  readonly version: string;
  /** Undefined without the write role. */
  status(): Promise<WriteThreadStatus | undefined>;
  blockCount(): number;
  /** Of all files of these blocks. */
  blockBytes(): number;
  /** Spans of this program's own requests that could not be sent. */
  droppedOwnSpans(): number;
}

export interface ServedRequest {
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly durationMs: number;
}

const requestsName = 'tempo_request_duration_seconds';
const requestBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export class SelfMetrics {
  readonly #exemplars = new Map<string, TextExemplar>();
  readonly #registry = new Registry();
  readonly #requests: Histogram;
  readonly #mcpCalls: Counter;
  readonly #source: MetricsSource;
  /** The reading that one scrape shows. */
  #status: WriteThreadStatus | undefined;

  constructor(source: MetricsSource) {
    this.#source = source;
    const registers = [this.#registry];
    new Gauge({ name: 'tempo_build_info', help: 'Version of this program.', labelNames: ['version'], registers }).set(
      { version: source.version },
      1,
    );
    this.#requests = new Histogram({
      name: requestsName,
      help: 'Time from a request to the end of its answer.',
      labelNames: ['method', 'route', 'status_code'],
      buckets: requestBuckets,
      registers,
    });
    this.#mcpCalls = new Counter({
      name: 'tempo_query_frontend_mcp_calls_total',
      help: 'Calls of tools of the MCP server.',
      labelNames: ['tool'],
      registers,
    });
    const counter = (name: string, help: string, read: (status: WriteThreadStatus) => number): void => {
      const metric = new Counter({
        name,
        help,
        registers,
        collect: () => {
          if (this.#status === undefined) return;
          metric.reset();
          metric.inc(read(this.#status));
        },
      });
    };
    const gauge = (name: string, help: string, read: (status: WriteThreadStatus | undefined) => number): void => {
      const metric: Gauge = new Gauge({ name, help, registers, collect: () => metric.set(read(this.#status)) });
    };
    gauge('rubato_write_role_up', '1 when the write role of this process answers.', (s) => (s === undefined ? 0 : 1));
    registerUsageMetrics(this.#registry, () => this.#status?.usage);
    counter('tempo_live_store_blocks_completed_total', 'Blocks built from live tables.', (s) => s.counters.blocksBuilt);
    counter(
      'tempo_live_store_completion_retries_total',
      'Block builds that failed and are tried again.',
      (s) => s.counters.buildFailures,
    );
    gauge('rubato_live_spans', 'Spans that are not in blocks yet.', (s) => s?.liveSpans ?? 0);
    gauge('rubato_receiver_held_bytes', 'Bytes of requests that are not answered yet.', (s) => s?.heldBodyBytes ?? 0);
    gauge(
      'rubato_segment_pending_bytes',
      'Bytes of requests that are not durable yet.',
      (s) => s?.pendingSegmentBytes ?? 0,
    );
    this.#labelled(
      'rubato_receiver_udp_packets_total',
      'UDP packets by what became of them.',
      ['receiver', 'outcome'],
      function* ({ receivers }) {
        for (const [receiver, counters] of Object.entries(receivers.udp))
          for (const [outcome, value] of Object.entries(counters)) yield { labels: { receiver, outcome }, value };
      },
    );
    this.#labelled(
      'rubato_receiver_kafka_messages_total',
      'Kafka messages by what became of them, and pauses of partitions.',
      ['outcome'],
      function* ({ receivers }) {
        for (const [outcome, value] of Object.entries(receivers.kafka ?? {})) yield { labels: { outcome }, value };
      },
    );
    this.#labelled(
      'tempo_distributor_forwarder_pushes_total',
      'Requests handed to a forwarder.',
      ['forwarder'],
      function* ({ forwarders }) {
        for (const { name, counters } of forwarders) yield { labels: { forwarder: name }, value: counters.pushed };
      },
    );
    this.#labelled(
      'tempo_distributor_forwarder_pushes_failures_total',
      'Requests that a forwarder dropped.',
      ['forwarder', 'reason'],
      function* ({ forwarders }) {
        for (const { name: forwarder, counters } of forwarders) {
          yield { labels: { forwarder, reason: 'queue_full' }, value: counters.droppedFull };
          yield { labels: { forwarder, reason: 'refused' }, value: counters.droppedRefused };
          yield { labels: { forwarder, reason: 'late' }, value: counters.droppedLate };
        }
      },
    );
    gauge('rubato_forwarder_waiting_bytes', 'Bytes of requests that wait to be forwarded.', (s) =>
      (s?.forwarders ?? []).reduce((sum, { waitingBytes }) => sum + waitingBytes, 0),
    );
    registerStoreMetrics(this.#registry, storeMeter);
    registerDiskCacheMetrics(this.#registry);
    gauge('tempodb_blocklist_length', 'Blocks that queries see.', () => source.blockCount());
    gauge('rubato_block_bytes', 'Bytes of the blocks that queries see.', () => source.blockBytes());
    const startSeconds = Date.now() / 1000 - process.uptime();
    gauge('process_start_time_seconds', 'When the process started, Unix time.', () => startSeconds);
    gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
    const dropped = new Counter({
      name: 'rubato_self_tracing_dropped_spans_total',
      help: 'Spans of own requests that could not be sent.',
      registers,
      collect: () => {
        dropped.reset();
        dropped.inc(source.droppedOwnSpans());
      },
    });
    const cpu = new Counter({
      name: 'process_cpu_seconds_total',
      help: 'User and system time.',
      registers,
      collect: () => {
        const usage = process.cpuUsage();
        cpu.reset();
        cpu.inc((usage.user + usage.system) / 1e6);
      },
    });
  }

  /** A counter of several series, read when it is asked for. */
  #labelled(
    name: string,
    help: string,
    labelNames: readonly string[],
    read: (status: WriteThreadStatus) => Iterable<{ labels: Record<string, string>; value: number }>,
  ): void {
    const metric: Counter = new Counter({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect: () => {
        if (this.#status === undefined) return;
        metric.reset();
        for (const { labels, value } of read(this.#status)) metric.inc(labels, value);
      },
    });
  }

  observe(request: ServedRequest): void {
    const { method, route, status, durationMs } = request;
    const seconds = durationMs / 1000;
    this.#requests.observe({ method, route, status_code: String(status) }, seconds);
    const traceId = currentSpan.getStore()?.traceId;
    if (traceId === undefined) return;
    const le = requestBuckets.find((bound) => seconds <= bound) ?? '+Inf';
    const series = `${requestsName}_bucket{le="${le}",method="${method}",route="${route}",status_code="${status}"}`;
    this.#exemplars.set(series, { traceId, value: seconds, timeMs: Date.now() });
  }

  /** The last trace of each bucket of the requests' durations. */
  exemplarOf(series: string): TextExemplar | undefined {
    return this.#exemplars.get(series);
  }

  mcpCalled(tool: string): void {
    this.#mcpCalls.inc({ tool });
  }

  async text(): Promise<{ contentType: string; body: string }> {
    this.#status = await this.#source.status().catch(() => undefined);
    const body = (await this.#registry.metrics()) + storeDurationsText(storeMeter);
    return { contentType: this.#registry.contentType, body };
  }
}
