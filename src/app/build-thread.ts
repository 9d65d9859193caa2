/** Builds blocks in a thread of its own, so that encoding never stands between a sender and its acknowledgement. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import { systemRng } from '../base/random.ts';
import { newBlockId } from '../block/block-id.ts';
import { buildBlockOf } from '../block/build.ts';
import type { BlockMeta } from '../block/manifest.ts';
import { blockFileKey } from '../block/manifest-keys.ts';
import type { SpanTableData } from '../model/span-table.ts';
import type { BuildThreadData } from './build-thread-client.ts';
import { openStore } from './open-store.ts';
import { serve } from './thread-rpc.ts';
import { warmUpBuilder } from './warm-up/builder.ts';

assert(parentPort !== null, 'this file is the entry of a thread');
const { config } = workerData as BuildThreadData;
const store = await openStore(config);

serve(parentPort, {
  warmUp: (): Promise<void> => warmUpBuilder(systemClock),
  async build({ tenant, data }: { tenant: string; data: SpanTableData }): Promise<BlockMeta> {
    const id = newBlockId(systemClock.nowMs(), systemRng);
    const { parts, ...summary } = buildBlockOf(data);
    // A block counts only once the manifest names it, so the order of its files does not matter.
    await Promise.all([...parts].map(([file, bytes]) => store.put(blockFileKey(tenant, id, file), bytes)));
    return { id, ...summary, level: 0, createdUnixMs: systemClock.nowMs() };
  },
});
