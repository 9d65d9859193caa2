/**
 * A data folder looked at without a server: blocks through the manifest, and what is not in blocks yet out of the
 * writers' segments. Nothing is written and nothing locked, so a server may be running on the folder.
 *
 * Everything is as of the moment of opening. Segments are scanned into tables first and the manifests loaded behind them;
 * a writer that moved segments into a block in between would leave their spans in both or in neither, so opening starts
 * again until the manifests before and after agree on what they cover.
 */
import { existsSync } from 'node:fs';
import http from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import { createApi, defaultApiOptions } from '../api/http/api.ts';
import type { ApiPorts, QueryLimits, StatusSource } from '../api/ports.ts';
import { checkTenantId } from '../api/tenant.ts';
import { systemClock } from '../base/clock.ts';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { systemRng } from '../base/random.ts';
import { ManifestStore } from '../block/manifest.ts';
import { emptyState, type ManifestState } from '../block/manifest-state.ts';
import { nodeFileSystem } from '../fs/node-file-system.ts';
import { readOnlyFileSystem } from '../fs/read-only-file-system.ts';
import { SpanTable } from '../model/span-table.ts';
import { LocalObjectStore } from '../objectstore/local.ts';
import type { ObjectStore } from '../objectstore/object-store.ts';
import { OtlpScanner } from '../protocol/otlp/scan.ts';
import { Engine } from '../query/engine.ts';
import type { LiveTableView } from '../roles/write/live-table.ts';
import { listWriters, readSegments, type SkippedSegment } from '../wal/segment-reader.ts';
import { loadConfig } from './config/load.ts';
import type { Config } from './config/schema.ts';
import { queryLimits, writeLimits } from './limits.ts';
import { createReader } from './read-role.ts';
import { buildInfo } from './version.ts';

/** The stored side alone: enough for looking at blocks and segments. */
export interface StoredFolder {
  readonly store: ObjectStore;
  readonly manifest: ManifestStore;
}

export interface DataFolder {
  /** Tenants that have blocks or live spans, sorted. */
  readonly tenants: readonly string[];
  /** Segments that could not be read; their spans are missing from every answer. */
  readonly damaged: readonly SkippedSegment[];
  /** A connection to the HTTP API over the folder, for `http.request`'s `createConnection`. */
  connect(): Duplex;
  close(): void;
}

/** Writers move spans into blocks every half minute or so; a scan that loses that race this often is not going to win. */
const openTriesMax = 5;
const spansMin = 1024;

/** @throws RubatoError config when there is no such folder */
export async function openStoredFolder(folder: string): Promise<StoredFolder> {
  if (!existsSync(folder)) throw new RubatoError(ErrorKind.config, 'no_folder', `there is no folder ${folder}`);
  const store = await LocalObjectStore.open({
    root: folder,
    clock: systemClock,
    rng: systemRng,
    fileSystem: readOnlyFileSystem(nodeFileSystem),
    temporaryAgeMsMax: Number.POSITIVE_INFINITY,
  });
  return { store, manifest: new ManifestStore(store, systemClock, systemRng) };
}

/** @param tenant undefined: the one that everything belongs to without multitenancy. */
export async function openDataFolder(folder: string, tenant: string | undefined): Promise<DataFolder> {
  if (tenant !== undefined) for (const id of tenant.split('|')) checkTenantId(id);
  const { store, manifest } = await openStoredFolder(folder);
  const { config } = loadConfig('', 'defaults');
  const content = await readContent(store, manifest, writeLimits(config).attributeBytesMax);
  const server = serve(createPorts(config, store, content), tenant !== undefined);
  const tenants = [...content.live.keys(), ...[...content.manifests.values()].filter(hasBlocks).map((s) => s.tenant)];
  return {
    tenants: [...new Set(tenants)].sort(),
    damaged: content.damaged,
    connect() {
      const [ours, theirs] = duplexPair();
      server.emit('connection', theirs);
      return ours;
    },
    close: () => server.closeAllConnections(),
  };
}

interface FolderContent {
  readonly manifests: ReadonlyMap<string, ManifestState>;
  readonly live: ReadonlyMap<string, readonly LiveTableView[]>;
  readonly damaged: readonly SkippedSegment[];
}

const hasBlocks = (state: ManifestState): boolean => state.blocks.size > 0;

async function readContent(
  store: ObjectStore,
  manifest: ManifestStore,
  maxAttributeBytes: number,
): Promise<FolderContent> {
  for (let tries = 1; tries <= openTriesMax; tries++) {
    const manifests = await loadManifests(manifest);
    const tables = new Map<string, { tenant: string; writer: string; scanner: OtlpScanner; table: SpanTable }>();
    const damaged: SkippedSegment[] = [];
    for (const writer of await listWriters(store)) {
      for await (const { header, entries } of readSegments(store, writer, 0, (bad) => damaged.push(bad))) {
        for (const { tenant, body } of entries) {
          if (header.seq <= coveredSeq(manifests, tenant, writer)) continue;
          const id = `${tenant}\0${writer}`;
          let open = tables.get(id);
          if (open === undefined) {
            const table = new SpanTable(spansMin);
            open = { tenant, writer, table, scanner: new OtlpScanner(table) };
            tables.set(id, open);
          }
          open.scanner.scan(body, { maxAttributeBytes });
        }
      }
    }
    if (!sameCover(manifests, await loadManifests(manifest))) continue;
    const live = Map.groupBy(tables.values(), ({ tenant }) => tenant);
    return {
      manifests,
      damaged,
      live: new Map([...live].map(([tenant, open]) => [tenant, open.map(viewOf)])),
    };
  }
  throw new RubatoError(
    ErrorKind.unavailable,
    'folder_busy',
    'the server on this folder moves spans into blocks faster than they can be read; ask the server instead',
  );
}

function viewOf({ writer, table }: { writer: string; table: SpanTable }): LiveTableView {
  // Not covered by the manifest that goes with it, so it counts as open.
  return { id: writer, writer, lastSeq: undefined, data: table.share() };
}

async function loadManifests(manifest: ManifestStore): Promise<ReadonlyMap<string, ManifestState>> {
  const states = new Map<string, ManifestState>();
  for (const tenant of await manifest.listTenants()) states.set(tenant, await manifest.load(tenant));
  return states;
}

function coveredSeq(manifests: ReadonlyMap<string, ManifestState>, tenant: string, writer: string): number {
  return manifests.get(tenant)?.covered.get(writer) ?? 0;
}

function sameCover(a: ReadonlyMap<string, ManifestState>, b: ReadonlyMap<string, ManifestState>): boolean {
  for (const [tenant, state] of b) {
    for (const [writer, seq] of state.covered) if (coveredSeq(a, tenant, writer) !== seq) return false;
  }
  return true;
}

function createPorts(config: Config, store: ObjectStore, content: FolderContent): ApiPorts {
  const reader = createReader({
    config,
    store,
    live: { live: async (tenant) => ({ manifestVersion: 0, tables: content.live.get(tenant) ?? [] }) },
    manifest: { load: async (tenant) => content.manifests.get(tenant) ?? emptyState(tenant) },
  });
  const engine = new Engine({
    storage: reader,
    clock: systemClock,
    defaults: { budget: { memoryBytesMax: config.querier.query_memory_bytes }, cacheBytesMax: 0 },
  });
  // Whoever asks is the only one who waits.
  const limits: QueryLimits = {
    ...queryLimits(config),
    searchDurationMaxMs: 0,
    metricsDurationMaxMs: 0,
    traceBytesMax: 0,
    leftPadTraceIds: true,
  };
  return {
    engine,
    traces: reader,
    status: folderStatus,
    limits: () => limits,
    clock: systemClock,
    onError: (error) => {
      process.stderr.write(`rubato: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    },
  };
}

function serve(ports: ApiPorts, multitenancy: boolean): http.Server {
  const api = createApi(ports, { ...defaultApiOptions, multitenancy });
  return http.createServer((request, response) => api.handle(request, response));
}

const folderStatus: StatusSource = {
  readiness: () => ({ ready: true, reason: '' }),
  buildInfo: () => buildInfo,
  services: () => [],
  config: () => ({ current: '', defaults: '', diff: '' }),
  runtimeConfig: () => ({ current: '', diff: '' }),
  metrics: async () => ({ contentType: 'text/plain', body: '' }),
};
