import type { Clock } from '../../base/clock.ts';
import { buildBlockOf } from '../../block/build.ts';
import { tableOf, turn, warmUpRequests } from './made-up-spans.ts';

/** The build thread's part: from tables to blocks. */
export async function warmUpBuilder(clock: Clock, rounds = 30): Promise<void> {
  const table = tableOf(warmUpRequests(clock.nowMs()));
  for (let round = 0; round < rounds; round++) {
    buildBlockOf(table.share());
    await turn();
  }
}
