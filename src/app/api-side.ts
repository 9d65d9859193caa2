/**
 * The side of the server that is asked: the reader over blocks and live tables, the engine, the API over HTTP and gRPC with
 * its listeners. Half of all code, so it is loaded while the write thread loads its own (`server.ts`).
 */
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import os from 'node:os';
import { RE2JS } from 're2js';
import { createGrpcApi } from '../api/grpc/grpc-api.ts';
import { createApi } from '../api/http/api.ts';
import type { ApiPorts, StatusSource } from '../api/ports.ts';
import { systemClock } from '../base/clock.ts';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { randomHex, systemRng } from '../base/random.ts';
import { ManifestStore } from '../block/manifest.ts';
import { textContentType, textFormat } from '../generator/open-metrics.ts';
import { plainResource } from '../model/plain-span.ts';
import type { ObjectStore } from '../objectstore/object-store.ts';
import { Engine } from '../query/engine.ts';
import type { LiveSource } from '../roles/read/reader.ts';
import { internalPrefix } from '../roles/tail/recent-protocol.ts';
import type { ReceiverSpec } from '../roles/write/receivers.ts';
import { createAuthentication } from './authentication.ts';
import type { BackendRole } from './backend-role.ts';
import { configText } from './config/config-text.ts';
import type { Config } from './config/schema.ts';
import { keepDiskCacheClean, openDiskCache } from './disk-cache.ts';
import { GeneratorMetrics } from './generator-metrics.ts';
import { answerInternal } from './internal-routes.ts';
import { queryLimits } from './limits.ts';
import { defaultListenerTimes, Listener } from './listener.ts';
import type { listenerTls } from './listener-tls.ts';
import { createLog } from './log.ts';
import { openMetricsType, toOpenMetrics } from './open-metrics-text.ts';
import type { LiveLimits } from './overrides/live-limits.ts';
import { createReader, keepReaderFresh } from './read-role.ts';
import { SelfMetrics } from './self-metrics.ts';
import type { ShardedMetricsRole } from './sharded-metrics-role.ts';
import { bothLive, type TailRole } from './tail-role.ts';
import type { RoleName } from './targets.ts';
import { tracedLive, tracedReader, tracedStore } from './traced-parts.ts';
import { Tracing } from './tracing.ts';
import { readUiFiles } from './ui-files.ts';
import { uiSettings } from './ui-settings.ts';
import { buildInfo, version } from './version.ts';
import { warmUpQueries } from './warm-up/queries.ts';
import type { WriteRole } from './write-role.ts';
import type { RecentQuestion } from './write-thread.ts';

export interface ApiSideParts {
  readonly config: Config;
  readonly roles: ReadonlySet<RoleName>;
  readonly receivers: readonly ReceiverSpec[];
  /** No other process uses the store. */
  readonly alone: boolean;
  readonly store: ObjectStore;
  readonly limits: LiveLimits;
  readonly write: WriteRole | undefined;
  readonly tail: TailRole | undefined;
  readonly sharded: ShardedMetricsRole | undefined;
  /** The write role makes metrics of what it receives. */
  readonly countsOwn: boolean;
  readonly backend: BackendRole;
  readonly tls: Readonly<Record<'http' | 'grpc', ReturnType<typeof listenerTls>>>;
  readonly phase: () => Phase;
  readonly log: ReturnType<typeof createLog>;
}

export interface ApiSide {
  readonly httpPort: number;
  /** 0 without the read role. */
  readonly grpcPort: number;
  /** With it other processes ask for the newest segments. */
  readonly token: string;
  /** What goes on beside answering, once everything is visible. */
  run(): void;
  /** Clients are led to other processes. */
  drain(): void;
  /** Streams and background work end. */
  abort(): void;
  /** Takes no more requests; resolves when those that run are answered, or have had their time. */
  close(): Promise<unknown>;
}

export type Phase = 'Starting' | 'Running' | 'Stopping';

/** Queries that run when the server stops may end within this time. */
const queryGraceMs = 3_000;

/** Listens when it resolves. @throws RubatoError config */
export async function openApiSide(parts: ApiSideParts): Promise<ApiSide> {
  const { config, roles, alone, store, limits, write, tail, sharded, countsOwn, backend, tls, phase, log } = parts;
  const tracing = createTracing(config, log);
  const readFrom = tracing.isOn ? tracedStore(store) : store;
  const live = liveOf(write && backend.named(write), tail);
  const manifest = new ManifestStore(readFrom, systemClock, systemRng);
  const disk = roles.has('read') ? openDiskCache(config.storage.trace) : undefined;
  const reader = createReader({
    config,
    store: readFrom,
    live: tracing.isOn ? tracedLive(live) : live,
    manifest,
    disk,
  });
  const readBy = tracing.isOn ? tracedReader(reader) : reader;
  const engine = new Engine({
    storage: readBy,
    clock: systemClock,
    defaults: {
      budget: { memoryBytesMax: config.querier.query_memory_bytes },
      cacheBytesMax: config.querier.result_cache_bytes / 2,
    },
  });
  const ui = roles.has('read') ? readUiFiles(config.http_api_prefix) : undefined;
  if (ui?.size === 0) log.warn('the web UI is not built; the API answers without it');
  const metrics = new SelfMetrics({
    version,
    status: async () => write?.status(),
    blockCount: () => reader.blockCount,
    blockBytes: () => reader.blockBytes,
    droppedOwnSpans: () => tracing.dropped,
  });
  const generatorMetrics = new GeneratorMetrics();
  const generatorText = async (): Promise<string> => {
    if (sharded !== undefined) return generatorMetrics.text(await sharded.status().catch(() => undefined), 0);
    const status = await write?.status().catch(() => undefined);
    return generatorMetrics.text(status?.generator, status?.generatorLostSpans ?? 0);
  };
  // Whatever the level of other logs.
  const audit = createLog({ ...config.server, log_level: 'info' }, 'audit');
  const ports: ApiPorts = {
    engine,
    traces: readBy,
    status: statusSource({ config, roles, phase, metrics, backend, limits, generatorText }),
    limits: (tenant) =>
      queryLimits(
        config,
        tenant.split('|').map((id) => limits.overrides.of(id)),
      ),
    userOverrides: limits.userApi,
    overridesStatus: limits.status,
    usageMetrics:
      write !== undefined && config.distributor.usage.cost_attribution.enabled ? () => write.usageText() : undefined,
    generatedMetrics: generatedMetrics(countsOwn ? write : undefined, sharded),
    ui,
    uiSettings: uiSettings(config, parts.receivers),
    clock: systemClock,
    redact:
      roles.has('backend') && config.backend_scheduler.redaction_api ? (request) => backend.redact(request) : undefined,
    explain: (request, signal) => engine.explain(request, signal),
    onError: (error, request) => {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      log.error({ ...request, reason }, 'a request failed');
    },
    authentication: createAuthentication(config.auth, systemClock, log),
    publicMetrics: config.auth.public_metrics,
    onAudit: (entry) => audit.info(entry, 'audit'),
    onRequest: (request) => {
      metrics.observe(request);
      tracing.answered(request.route, request.method, request.status);
    },
    onMcpCall: (tool) => metrics.mcpCalled(tool),
  };
  const { query_frontend: frontend, server } = config;
  const apiOptions = {
    httpApiPrefix: config.http_api_prefix,
    multitenancy: config.multitenancy_enabled,
    multiTenantQueries: frontend.multi_tenant_queries_enabled,
    apiTimeoutMs: frontend.api_timeout,
    urlDenyList: frontend.url_deny_list.map((text) => {
      const pattern = RE2JS.compile(text);
      return { test: (url: string) => pattern.matcher(url).find() };
    }),
    packetBytesMax: frontend.max_grpc_streaming_packet_size,
    readBytesMax: server.grpc_server_max_recv_msg_size,
    writeBytesMax: server.grpc_server_max_send_msg_size,
    mcpServer: config.query_frontend.mcp_server.enabled,
    queries: roles.has('read'),
    answerCacheBytes: config.querier.result_cache_bytes / 2,
  };
  const shutdown = new AbortController();
  const api = createApi(ports, apiOptions);
  const grpc = createGrpcApi(ports, apiOptions, shutdown.signal);
  const times = {
    ...defaultListenerTimes,
    requestMs: server.http_server_read_timeout,
    answerMs: server.http_server_write_timeout,
    keepAliveMs: server.http_server_idle_timeout,
  };
  const token = randomHex(systemRng, 16);
  const internal =
    write === undefined || alone
      ? undefined
      : {
          token,
          recent: (question: RecentQuestion) => write.recent(question),
          giveUpSegments: (writer: string) => write.giveUpSegments(writer),
        };
  const answerHttp: typeof api.handle = (request, response) => {
    if (internal !== undefined && request.url?.startsWith(internalPrefix) === true)
      void answerInternal(internal, request, response);
    else tracing.request(request.headers['traceparent'], () => api.handle(request, response));
  };
  const answerGrpc: typeof grpc.handle = (request, response) =>
    tracing.request(request.headers['traceparent'], () => grpc.handle(request, response));
  const httpListener = new Listener(
    { http: answerHttp, grpc: roles.has('read') ? answerGrpc : refuseGrpc },
    times,
    tls.http,
  );
  const grpcListener = new Listener({ grpc: answerGrpc }, defaultListenerTimes, tls.grpc);
  const { http_listen_port, http_listen_address, grpc_listen_port, grpc_listen_address } = server;
  const listeners = roles.has('read') ? [httpListener, grpcListener] : [httpListener];
  const close = (graceMs: number): Promise<unknown> =>
    Promise.all(listeners.map((listener) => listener.close(graceMs)));
  let httpPort: number;
  let grpcPort: number;
  try {
    httpPort = await httpListener.listen(http_listen_port, http_listen_address);
    // Queries over gRPC alone; who has none does not take the port.
    grpcPort = roles.has('read') ? await grpcListener.listen(grpc_listen_port, grpc_listen_address) : 0;
  } catch (error) {
    await httpListener.close(0);
    throw new RubatoError(ErrorKind.config, 'cannot_listen', `cannot listen: ${(error as Error).message}`, error);
  }
  return {
    httpPort,
    grpcPort,
    token,
    run() {
      const { signal } = shutdown;
      if (tail !== undefined) void keepReaderFresh({ config, reader, tail, signal, log });
      if (disk !== undefined) void keepDiskCacheClean({ config, disk, manifest, signal, log });
      if (config.server.warm_up && roles.has('read')) void warmUpQueries(systemClock);
    },
    drain() {
      for (const listener of listeners) listener.drain();
    },
    abort: () => shutdown.abort(),
    close: async () => {
      await close(queryGraceMs);
      await tracing.stop();
    },
  };
}

/** Undefined in a process that makes no metrics of spans. */
function generatedMetrics(
  own: WriteRole | undefined,
  sharded: ShardedMetricsRole | undefined,
): ApiPorts['generatedMetrics'] {
  if (own === undefined && sharded === undefined) return undefined;
  return async (tenant, accept) => {
    const format = textFormat(accept);
    const body = await (sharded?.text(tenant, format) ?? own?.generatorText(tenant, format));
    return { contentType: textContentType[format], body: body ?? '' };
  };
}

function createTracing(config: Config, log: ApiSideParts['log']): Tracing {
  const { endpoint, headers, sampling_ratio: samplingRatio } = config.self_tracing;
  const attributes = {
    'service.name': 'rubato',
    'service.version': version,
    'service.instance.id': randomHex(systemRng, 8),
    'host.name': os.hostname(),
  };
  const resource = plainResource({
    attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: { type: 'string', value } })),
  });
  return new Tracing({ clock: systemClock, rng: systemRng, endpoint, headers, samplingRatio, resource, log });
}

/** A process without the read role has nothing to say about data. */
function refuseGrpc(_request: Http2ServerRequest, response: Http2ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'application/grpc',
    'grpc-status': '12',
    'grpc-message': 'this process does not have the read role',
  });
  response.end();
}

/** What the read role sees of live data; without that role nothing is asked of it. */
function liveOf(own: LiveSource | undefined, others: TailRole | undefined): LiveSource {
  if (own !== undefined && others !== undefined) return bothLive(own, others);
  return own ?? others ?? { live: async () => ({ manifestVersion: 0, tables: [] }) };
}

function statusSource(parts: {
  config: Config;
  roles: ReadonlySet<RoleName>;
  phase: () => Phase;
  metrics: SelfMetrics;
  backend: BackendRole;
  limits: LiveLimits;
  generatorText: () => Promise<string>;
}): StatusSource {
  const { config, roles, phase, metrics, backend, limits, generatorText } = parts;
  const text = configText(config);
  return {
    readiness: () => {
      const ready = phase() === 'Running';
      const reason =
        phase() === 'Stopping' ? 'Application is stopping' : `Some services are not Running:\n${phase()}: 1`;
      return { ready, reason: ready ? '' : reason };
    },
    buildInfo: () => buildInfo,
    services: () => [...roles].map((name) => ({ name, state: phase(), failure: '' })),
    config: () => text,
    runtimeConfig: () => limits.runtimeConfig(),
    metrics: async (accept) => {
      const [own, ...others] = await Promise.all([
        metrics.text(),
        limits.metricsText(),
        backend.metricsText(),
        generatorText(),
      ]);
      const body = [own.body, ...others].join('');
      if (textFormat(accept) !== 'openmetrics') return { ...own, body };
      return { contentType: openMetricsType, body: toOpenMetrics(body, (series) => metrics.exemplarOf(series)) };
    },
  };
}
