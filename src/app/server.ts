/**
 * The whole server, wired: the write thread, the read role over its live tables and the store's blocks, the query API on
 * its port. It listens at once and is ready when everything that was ever acknowledged is visible again.
 */
import { systemClock } from '../base/clock.ts';
import { systemRng } from '../base/random.ts';
import { lockFolder } from '../fs/folder-lock.ts';
import { newWriterId } from '../wal/segment-keys.ts';
import { advertisedAddress } from './advertised-address.ts';
import type { ApiSide, Phase } from './api-side.ts';
import { BackendRole } from './backend-role.ts';
import type { Config } from './config/schema.ts';
import { checkAccess, exposedListeners, warnOfExposure } from './exposure.ts';
import { unknownProcessors } from './generator-settings.ts';
import { type WriteSettings, withoutMetrics, writeLimits, writeSettings } from './limits.ts';
import { listenerTls } from './listener-tls.ts';
import { createLog } from './log.ts';
import { openStore } from './open-store.ts';
import { LiveLimits } from './overrides/live-limits.ts';
import type { ByTenant } from './overrides/tenant-overrides.ts';
import { receiverSpecs } from './receiver-specs.ts';
import { remoteWriteEndpoints } from './remote-write-endpoints.ts';
import { ShardedMetricsRole } from './sharded-metrics-role.ts';
import { TailRole } from './tail-role.ts';
import { isAlone, rolesOf } from './targets.ts';
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
  const receivers = roles.has('write') ? receiverSpecs(config, log) : [];
  checkAccess(config, receivers);
  warnOfExposure(config, exposedListeners(config, roles, receivers), log);
  const { backend: kind, local } = config.storage.trace;
  const tls = {
    http: listenerTls(config.server.http_tls_config, config.server, log),
    grpc: listenerTls(config.server.grpc_tls_config, config.server, log),
  };
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
  /** A process with both roles counts what it receives itself. */
  const countsOwn = roles.has('metrics') && roles.has('write');
  const receivingSettings = (): ByTenant<WriteSettings> =>
    countsOwn ? settings() : overrides.byTenant((block) => withoutMetrics(writeSettings(config, block)));
  const attributeBytesMax = (): ByTenant<number> =>
    overrides.byTenant((block) => writeLimits(config, block).attributeBytesMax);
  const writerId = newWriterId(systemRng);
  const write = roles.has('write')
    ? new WriteRole({
        config,
        settings: receivingSettings(),
        writerId,
        isAlone: alone,
        isCounted: !countsOwn,
        onReplaced: (id) => tail?.setOwnWriter(id),
      })
    : undefined;
  const tail: TailRole | undefined =
    roles.has('read') && !alone
      ? new TailRole({ config, attributeBytesMax: attributeBytesMax(), ownWriter: write && writerId })
      : undefined;
  const sharded =
    roles.has('metrics') && !countsOwn ? new ShardedMetricsRole({ config, settings: settings() }) : undefined;
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
    write?.configure(receivingSettings()).catch(() => undefined);
    sharded?.configure(settings());
    tail?.configure(attributeBytesMax());
    configureBackend();
  });
  limits.run();
  let phase: Phase = 'Starting';
  const openApi = async (): Promise<ApiSide> => {
    // Loaded here, while the threads load what they need.
    const { openApiSide } = await import('./api-side.ts');
    const parts = {
      config,
      roles,
      receivers,
      alone,
      store,
      limits,
      write,
      tail,
      sharded,
      countsOwn,
      backend,
      tls,
      log,
    };
    return openApiSide({ ...parts, phase: () => phase });
  };
  let api: ApiSide;
  try {
    api = await openApi();
  } catch (error) {
    limits.stop();
    await Promise.all([write?.stop(), tail?.stop(), sharded?.stop()]);
    await lock?.release();
    throw error;
  }
  const start = async (): Promise<WriteThreadPorts> => {
    const member = {
      address: advertisedAddress(config, api.httpPort),
      token: api.token,
      ...(tls.http && { tls: true }),
      countsMetrics: countsOwn,
    };
    const [ports] = await Promise.all([write?.start(member), tail?.start(), sharded?.start()]);
    phase = 'Running';
    if (roles.has('backend')) void backend.run();
    api.run();
    return ports ?? { receivers: [] };
  };
  const ready = start();
  ready.catch(() => undefined);
  return {
    httpPort: api.httpPort,
    httpScheme: tls.http === undefined ? 'http' : 'https',
    grpcPort: api.grpcPort,
    ready,
    failed: Promise.race([write?.failed, tail?.failed, sharded?.failed].filter((failed) => failed !== undefined)),
    async stop() {
      phase = 'Stopping';
      // Balancers ask /ready and send elsewhere before the ports close; connections that clients keep end with an answer.
      api.drain();
      await write?.drain().catch(() => undefined);
      await systemClock.sleep(config.shutdown_delay);
      limits.stop();
      api.abort();
      // A writer of a cluster is followed until everything of it is in blocks.
      const closed = write === undefined || alone ? api.close() : undefined;
      await Promise.all([backend.stop(), write?.stop(), sharded?.stop()]);
      await (closed ?? api.close());
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
