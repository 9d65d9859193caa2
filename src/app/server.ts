/**
 * The whole server, wired: the write thread, the read role over its live tables and the store's blocks, the query API on
 * its port. It listens at once and is ready when everything that was ever acknowledged is visible again.
 */
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { RE2JS } from 're2js';
import { createGrpcApi } from '../api/grpc/grpc-api.ts';
import { createApi } from '../api/http/api.ts';
import type { ApiPorts, StatusSource } from '../api/ports.ts';
import { systemClock } from '../base/clock.ts';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { randomHex, systemRng } from '../base/random.ts';
import { ManifestStore } from '../block/manifest.ts';
import { lockFolder } from '../fs/folder-lock.ts';
import { textContentType, textFormat } from '../generator/open-metrics.ts';
import { Engine } from '../query/engine.ts';
import type { LiveSource } from '../roles/read/reader.ts';
import { internalPrefix } from '../roles/tail/recent-protocol.ts';
import { newWriterId } from '../wal/segment-keys.ts';
import { advertisedAddress } from './advertised-address.ts';
import { BackendRole } from './backend-role.ts';
import { configText } from './config/config-text.ts';
import type { Config } from './config/schema.ts';
import { exposedListeners } from './exposure.ts';
import { GeneratorMetrics } from './generator-metrics.ts';
import { unknownProcessors } from './generator-settings.ts';
import { answerInternal } from './internal-routes.ts';
import { queryLimits, type WriteSettings, writeLimits, writeSettings } from './limits.ts';
import { defaultListenerTimes, Listener } from './listener.ts';
import { listenerTls } from './listener-tls.ts';
import { createLog } from './log.ts';
import { openStore } from './open-store.ts';
import { LiveLimits } from './overrides/live-limits.ts';
import type { ByTenant } from './overrides/tenant-overrides.ts';
import { createReader, keepReaderFresh } from './read-role.ts';
import { receiverSpecs } from './receiver-specs.ts';
import { remoteWriteEndpoints } from './remote-write-endpoints.ts';
import { SelfMetrics } from './self-metrics.ts';
import { bothLive, TailRole } from './tail-role.ts';
import { isAlone, type RoleName, rolesOf } from './targets.ts';
import { readUiFiles } from './ui-files.ts';
import { buildInfo, version } from './version.ts';
import { warmUpQueries } from './warm-up.ts';
import { WriteRole } from './write-role.ts';
import type { WriteThreadPorts } from './write-thread.ts';

export interface RunningServer {
  readonly httpPort: number;
  /** With what its address begins. */
  readonly httpScheme: 'http' | 'https';
  readonly grpcPort: number;
  /** Resolves when everything acknowledged earlier is visible and the receivers listen. */
  readonly ready: Promise<WriteThreadPorts>;
  /** Resolves with the reason when a part dies that the server cannot go on without. */
  readonly failed: Promise<string>;
  /** Answers what runs, makes durable what was accepted, and ends. */
  stop(): Promise<void>;
}

/** Queries that run when the server stops may end within this time. */
const queryGraceMs = 3_000;

type Phase = 'Starting' | 'Running' | 'Stopping';

export interface ServerOptions {
  /** What is done to the text of files that are read while running: `-config.expand-env`. Default: nothing. */
  readonly expand?: (text: string) => string;
}

/** @throws RubatoError config */
export async function startServer(config: Config, options: ServerOptions = {}): Promise<RunningServer> {
  const roles = rolesOf(config.target);
  const alone = isAlone(config, roles);
  const log = createLog(config.server, 'main');
  checkGenerator(config, log);
  const exposed = exposedListeners(config, roles, roles.has('write') ? receiverSpecs(config, log) : []);
  if (exposed.length > 0)
    log.warn(
      { listeners: exposed.map(({ name, address }) => `${name} ${address}`) },
      'EVERYBODY WHO REACHES THESE ADDRESSES MAY READ AND WRITE ALL DATA: nobody is asked who they are',
    );
  const { backend: kind, local } = config.storage.trace;
  const httpTls = listenerTls(config.server.http_tls_config, config.server, log);
  const grpcTls = listenerTls(config.server.grpc_tls_config, config.server, log);
  const lock = kind === 'local' ? await lockFolder(local.path, alone ? 'alone' : 'shared') : undefined;
  const store = await openStore(config);
  const expand = options.expand ?? ((text: string) => text);
  const limits = new LiveLimits({ config: config.overrides, store, clock: systemClock, expand, log });
  try {
    await limits.load();
  } catch (error) {
    await lock?.release();
    throw error;
  }
  const { overrides } = limits;
  const settings = (): ByTenant<WriteSettings> => overrides.byTenant((block) => writeSettings(config, block));
  const attributeBytesMax = (): ByTenant<number> =>
    overrides.byTenant((block) => writeLimits(config, block).attributeBytesMax);
  const writerId = newWriterId(systemRng);
  const write = roles.has('write')
    ? new WriteRole({ config, settings: settings(), writerId, isAlone: alone })
    : undefined;
  const tail =
    roles.has('read') && !alone
      ? new TailRole({ config, attributeBytesMax: attributeBytesMax(), ownWriter: write && writerId })
      : undefined;
  const backend = new BackendRole({
    config,
    clock: systemClock,
    isAlone: alone,
    flush: async () => write?.flush(),
    log,
  });
  const configureBackend = (): void => {
    backend.setOverrides(overrides.byTenant((block) => block.compaction));
    backend.setAttributeBytesMax(attributeBytesMax());
  };
  configureBackend();
  overrides.onChange(() => {
    // A thread that is gone takes no limits, and ends the server.
    write?.configure(settings()).catch(() => undefined);
    tail?.configure(attributeBytesMax());
    configureBackend();
  });
  limits.run();
  const reader = createReader({
    config,
    store,
    live: liveOf(write && backend.named(write), tail),
    manifest: new ManifestStore(store, systemClock, systemRng),
  });
  const engine = new Engine({
    storage: reader,
    clock: systemClock,
    defaults: {
      budget: { memoryBytesMax: config.querier.query_memory_bytes },
      cacheBytesMax: config.querier.result_cache_bytes / 2,
    },
  });
  const ui = roles.has('read') ? readUiFiles(config.http_api_prefix) : undefined;
  if (ui?.size === 0) log.warn('the web UI is not built; the API answers without it');
  let phase: Phase = 'Starting';
  const metrics = new SelfMetrics({
    version,
    status: async () => write?.status(),
    blockCount: () => reader.blockCount,
  });
  const generatorMetrics = new GeneratorMetrics();
  const generatorText = async (): Promise<string> => {
    const status = await write?.status().catch(() => undefined);
    return generatorMetrics.text(status?.generator, status?.generatorLostSpans ?? 0);
  };
  const ports: ApiPorts = {
    engine,
    traces: reader,
    status: statusSource({ config, roles, phase: () => phase, metrics, backend, limits, generatorText }),
    limits: (tenant) =>
      queryLimits(
        config,
        tenant.split('|').map((id) => overrides.of(id)),
      ),
    userOverrides: limits.userApi,
    overridesStatus: limits.status,
    usageMetrics:
      write !== undefined && config.distributor.usage.cost_attribution.enabled ? () => write.usageText() : undefined,
    generatedMetrics:
      write === undefined
        ? undefined
        : async (tenant, accept) => {
            const format = textFormat(accept);
            return { contentType: textContentType[format], body: await write.generatorText(tenant, format) };
          },
    ui,
    uiSettings: { spanLinks: config.ui.span_links },
    clock: systemClock,
    redact: alone && config.backend_scheduler.redaction_api ? (request) => backend.redact(request) : undefined,
    explain: (request, signal) => {
      if (!('limit' in request))
        throw new RubatoError(ErrorKind.invalid, 'no_explain', 'only searches can be explained');
      return engine.explain(request, signal);
    },
    onError: (error, request) => {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      log.error({ ...request, reason }, 'a request failed');
    },
    onRequest: (request) => metrics.observe(request),
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
      : { writer: writerId, token, recent: (after: number) => write.recent(after) };
  const answerHttp: typeof api.handle = (request, response) => {
    if (internal === undefined || request.url?.startsWith(internalPrefix) !== true) api.handle(request, response);
    else void answerInternal(internal, request, response);
  };
  const httpListener = new Listener(
    { http: answerHttp, grpc: roles.has('read') ? grpc.handle : refuseGrpc },
    times,
    httpTls,
  );
  const grpcListener = new Listener({ grpc: grpc.handle }, defaultListenerTimes, grpcTls);
  const { http_listen_port, http_listen_address, grpc_listen_port, grpc_listen_address } = server;
  let httpPort: number;
  let grpcPort: number;
  try {
    httpPort = await httpListener.listen(http_listen_port, http_listen_address);
    // Queries over gRPC alone; who has none does not take the port.
    grpcPort = roles.has('read') ? await grpcListener.listen(grpc_listen_port, grpc_listen_address) : 0;
  } catch (error) {
    limits.stop();
    await httpListener.close(0);
    await Promise.all([write?.stop(), tail?.stop()]);
    await lock?.release();
    throw new RubatoError(ErrorKind.config, 'cannot_listen', `cannot listen: ${(error as Error).message}`, error);
  }
  const start = async (): Promise<WriteThreadPorts> => {
    const member = { address: advertisedAddress(config, httpPort), token, ...(httpTls && { tls: true }) };
    const [ports] = await Promise.all([write?.start(member), tail?.start()]);
    phase = 'Running';
    if (roles.has('backend')) void backend.run();
    if (tail !== undefined) void keepReaderFresh({ config, reader, tail, signal: shutdown.signal, log });
    if (config.server.warm_up && roles.has('read')) void warmUpQueries(systemClock);
    return ports ?? { receivers: [] };
  };
  const ready = start();
  ready.catch(() => undefined);
  return {
    httpPort,
    httpScheme: httpTls === undefined ? 'http' : 'https',
    grpcPort,
    ready,
    failed: Promise.race([write?.failed, tail?.failed].filter((failed) => failed !== undefined)),
    async stop() {
      phase = 'Stopping';
      // Balancers ask /ready and send elsewhere before the ports close.
      await systemClock.sleep(config.shutdown_delay);
      limits.stop();
      shutdown.abort();
      const listeners = roles.has('read') ? [httpListener, grpcListener] : [httpListener];
      const close = (): Promise<unknown> => Promise.all(listeners.map((listener) => listener.close(queryGraceMs)));
      // A writer of a cluster is followed until everything of it is in blocks.
      const closed = internal === undefined ? close() : undefined;
      await Promise.all([backend.stop(), write?.stop()]);
      await (closed ?? close());
      await tail?.stop();
      await lock?.release();
    },
  };
}

/** @throws RubatoError config when remote write cannot work as it is configured */
function checkGenerator(config: Config, log: { warn(fields: object, message: string): void }): void {
  const { storage } = config.metrics_generator;
  remoteWriteEndpoints(storage.remote_write);
  const unknown = unknownProcessors(config.overrides.defaults);
  if (unknown.length > 0) log.warn({ processors: unknown }, 'processors that do not exist are ignored');
  if (storage.remote_write.length > 0 && storage.path === '')
    log.warn({}, 'metrics_generator.storage.path is not set: generated metrics can be scraped, but are not sent');
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
    metrics: async () => {
      const [own, ...others] = await Promise.all([
        metrics.text(),
        limits.metricsText(),
        backend.metricsText(),
        generatorText(),
      ]);
      return { ...own, body: [own.body, ...others].join('') };
    },
  };
}
