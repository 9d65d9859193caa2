/**
 * Live data of other processes, in a thread of its own: scanning their segments must not stand in the way of queries, nor
 * they in its way. Started by `tail-role.ts` with {@link TailThreadData}; it then answers its calls.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import type { ManifestState } from '../block/manifest.ts';
import { WriterDirectory } from '../roles/members/writer-directory.ts';
import { Mirror } from '../roles/tail/mirror.ts';
import { RecentClient } from '../roles/tail/recent-client.ts';
import { SegmentTail } from '../roles/tail/segment-tail.ts';
import type { LiveView } from '../roles/write/writer.ts';
import type { Config } from './config/schema.ts';
import { valueFor } from './limits.ts';
import { createLog } from './log.ts';
import { openStore } from './open-store.ts';
import type { ByTenant } from './overrides/tenant-overrides.ts';
import { followPeerTls, peerTls } from './peer-tls.ts';
import { type Handlers, serve } from './thread-rpc.ts';

export interface TailThreadData {
  readonly config: Config;
  readonly attributeBytesMax: ByTenant<number>;
  /** The writer of this process, if it has one: its live tables are read directly. */
  readonly ownWriter: string | undefined;
}

export interface TailQuestion {
  readonly tenant: string;
  /** A writer whose tables the caller has. */
  readonly except: string | undefined;
}

export type SeenManifest = Pick<ManifestState, 'tenant' | 'version' | 'covered'>;

/** Pause between two looks at every writer when nobody asks. */
const followMs = 200;

assert(parentPort !== null, 'this file is the entry of a thread');
const { config, ...first } = workerData as TailThreadData;
let { ownWriter, attributeBytesMax } = first;
const log = createLog(config.server, 'tail');
const store = await openStore(config);
const mirror = new Mirror({
  attributeBytesMax: (tenant) => valueFor(attributeBytesMax, tenant),
  tableSpansMax: config.live_store.max_block_spans,
  log,
});
const client = new RecentClient(config.cluster.ask_timeout, peerTls(config));
const unfollowTls = followPeerTls(config, (tls) => client.renewTls(tls), log);
const tail = new SegmentTail({
  store,
  clock: systemClock,
  directory: new WriterDirectory({ store, clock: systemClock, intervalMs: config.cluster.discovery_interval }),
  ask: (writer, member, after) => client.ask(writer, member, after),
  onSegment: (segment) => mirror.add(segment),
  onGone: (writer) => mirror.forget(writer),
  followMs,
  log,
});

serve(parentPort, {
  /** Everything that writers had acknowledged before is visible when this resolves. */
  async start(): Promise<void> {
    await tail.catchUp(ownWriter);
    void tail.run(() => ownWriter);
  },
  async live({ tenant, except }: TailQuestion): Promise<LiveView> {
    await tail.catchUp(except);
    return { manifestVersion: 0, tables: mirror.live(tenant).filter(({ writer }) => writer !== except) };
  },
  setOwnWriter: (id: string): void => {
    ownWriter = id;
  },
  see: (manifest: SeenManifest): void => mirror.see(manifest),
  configure: (changed: ByTenant<number>): void => {
    attributeBytesMax = changed;
  },
  tenants: (): readonly string[] => mirror.tenants,
  stop: (): void => {
    tail.stop();
    unfollowTls();
    client.close();
  },
} satisfies Handlers);
