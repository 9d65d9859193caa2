/**
 * The whole server, wired: the write thread, the read role over its live tables and the store's blocks, the query API on
 * its port. It listens at once and is ready when everything that was ever acknowledged is visible again.
 */
import os from 'node:os';
import { createGrpcApi } from '../api/grpc/grpc-api.ts';
import { createApi, defaultApiOptions } from '../api/http/api.ts';
import type { ApiPorts, StatusSource } from '../api/ports.ts';
import { systemClock } from '../base/clock.ts';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { systemRng } from '../base/random.ts';
import { ManifestStore } from '../block/manifest.ts';
import { lockFolder } from '../fs/folder-lock.ts';
import { Engine } from '../query/engine.ts';
import { BackendRole } from './backend-role.ts';
import { configText } from './config/config-text.ts';
import type { Config } from './config/schema.ts';
import { queryLimits } from './limits.ts';
import { Listener } from './listener.ts';
import { createLog } from './log.ts';
import { openStore } from './open-store.ts';
import { createReader } from './read-role.ts';
import { SelfMetrics } from './self-metrics.ts';
import { version } from './version.ts';
import { warmUpQueries } from './warm-up.ts';
import { WriteRole } from './write-role.ts';
import type { WriteThreadPorts } from './write-thread.ts';

export interface RunningServer {
  readonly httpPort: number;
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

export async function startServer(config: Config): Promise<RunningServer> {
  if (config.target !== 'all') {
    throw new RubatoError(ErrorKind.config, 'bad_target', `unknown target ${config.target}; this version runs "all"`);
  }
  const log = createLog(config.server, 'main');
  const lock = await lockFolder(config.storage.trace.local.path);
  const store = await openStore(config);
  const write = new WriteRole(config);
  const backend = new BackendRole({ config, clock: systemClock, flush: () => write.flush(), log });
  const reader = createReader({
    config,
    store,
    live: backend.named(write),
    manifest: new ManifestStore(store, systemClock, systemRng),
  });
  const engine = new Engine({
    storage: reader,
    clock: systemClock,
    defaults: {
      budget: { memoryBytesMax: config.querier.query_memory_bytes },
      cacheBytesMax: config.querier.result_cache_bytes,
    },
  });
  let phase: Phase = 'Starting';
  const metrics = new SelfMetrics({ version, status: () => write.status(), blockCount: () => reader.blockCount });
  const limits = queryLimits(config);
  const ports: ApiPorts = {
    engine,
    traces: reader,
    status: statusSource({ config, phase: () => phase, metrics, backend }),
    limits: () => limits,
    clock: systemClock,
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
  const apiOptions = {
    ...defaultApiOptions,
    httpApiPrefix: config.http_api_prefix,
    multitenancy: config.multitenancy_enabled,
    mcpServer: config.query_frontend.mcp_server.enabled,
  };
  const shutdown = new AbortController();
  const api = createApi(ports, apiOptions);
  const grpc = createGrpcApi(ports, apiOptions, shutdown.signal);
  const httpListener = new Listener({ http: api.handle, grpc: grpc.handle });
  const grpcListener = new Listener({ grpc: grpc.handle });
  const { http_listen_port, http_listen_address, grpc_listen_port, grpc_listen_address } = config.server;
  let httpPort: number;
  let grpcPort: number;
  try {
    httpPort = await httpListener.listen(http_listen_port, http_listen_address);
    grpcPort = await grpcListener.listen(grpc_listen_port, grpc_listen_address);
  } catch (error) {
    await httpListener.close(0);
    await write.stop();
    await lock.release();
    throw new RubatoError(ErrorKind.config, 'cannot_listen', `cannot listen: ${(error as Error).message}`, error);
  }
  const ready = write.start().then((receivers) => {
    phase = 'Running';
    void backend.run();
    if (config.server.warm_up) void warmUpQueries(systemClock);
    return receivers;
  });
  ready.catch(() => undefined);
  return {
    httpPort,
    grpcPort,
    ready,
    failed: write.failed,
    async stop() {
      phase = 'Stopping';
      shutdown.abort();
      const closed = Promise.all([httpListener, grpcListener].map((listener) => listener.close(queryGraceMs)));
      await Promise.all([backend.stop(), write.stop()]);
      await closed;
      await lock.release();
    },
  };
}

function statusSource(parts: {
  config: Config;
  phase: () => Phase;
  metrics: SelfMetrics;
  backend: BackendRole;
}): StatusSource {
  const { config, phase, metrics, backend } = parts;
  const text = configText(config);
  return {
    readiness: () => {
      const ready = phase() === 'Running';
      const reason =
        phase() === 'Stopping' ? 'Application is stopping' : `Some services are not Running:\n${phase()}: 1`;
      return { ready, reason: ready ? '' : reason };
    },
    buildInfo: () => ({
      version,
      revision: '',
      branch: '',
      buildUser: '',
      buildDate: '',
      runtimeVersion: `node ${process.version}`,
      platform: `${os.platform()}/${os.arch()}`,
    }),
    services: () => ['write', 'read', 'backend'].map((name) => ({ name, state: phase(), failure: '' })),
    config: () => text,
    runtimeConfig: () => ({ current: '', diff: '' }),
    metrics: async () => {
      const [own, ofBackend] = await Promise.all([metrics.text(), backend.metricsText()]);
      return { ...own, body: own.body + ofBackend };
    },
  };
}
