import type { Clock } from '../../base/clock.ts';
import { SpanTable } from '../../model/span-table.ts';
import { OtlpScanner } from '../../protocol/otlp/scan.ts';
import { turn, warmUpRequests } from './made-up-spans.ts';

/** The write thread's part: from wire bytes to tables. */
export async function warmUpScanner(clock: Clock, rounds = 100): Promise<void> {
  const requests = warmUpRequests(clock.nowMs());
  for (let round = 0; round < rounds; round++) {
    const table = new SpanTable();
    const scanner = new OtlpScanner(table);
    for (const request of requests) {
      scanner.scan(request);
      await turn();
    }
  }
}
