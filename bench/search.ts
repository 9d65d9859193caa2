/**
 * Searches over generated shop traces, in blocks and as live tables: the first answer and the best of the later ones.
 *
 *   node bench/search.ts [traces = 20000] [runs = 15] [blocks | live]
 *
 * Needs the trace generator beside the project (../shared/tracegen). Files lie in memory. Traces of one block are whole.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { buildBlockOf } from '../src/block/build.ts';
import { ColumnCache } from '../src/block/column-cache.ts';
import { liveFragment } from '../src/block/live-fragment.ts';
import { openBlock } from '../src/block/read-block.ts';
import { SpanTable } from '../src/model/span-table.ts';
import { OtlpScanner } from '../src/protocol/otlp/scan.ts';
import { runSearch, type SearchContext } from '../src/query/search/run-search.ts';
import { checkQuery } from '../src/traceql/check.ts';
import { parseQuery } from '../src/traceql/parser.ts';
import type { Fragment } from '../src/traceql/storage.ts';

const traceCount = Number(process.argv[2] ?? 20_000);
const runs = Number(process.argv[3] ?? 15);
const inBlocks = (process.argv[4] ?? 'blocks') === 'blocks';
const tableCount = 6;

const generator = path.resolve(import.meta.dirname, '../../shared/tracegen/tracegen.mjs');
if (!existsSync(generator)) {
  console.error(`SKIPPED: no trace generator at ${generator}`);
  process.exit(0);
}
const { batches } = (await import(generator)) as { batches(options: object): Iterable<{ bytes: Uint8Array }> };

const columnCache = new ColumnCache(1 << 30);
let spans = 0;

async function fragmentsOf(k: number): Promise<readonly Fragment[]> {
  const table = new SpanTable(1 << 17);
  const scanner = new OtlpScanner(table);
  const baseNs = 1_700_000_000_000_000_000n + BigInt(k) * 10_000_000_000n;
  const options = { seed: k + 1, traces: Math.ceil(traceCount / tableCount), baseNs, spreadSeconds: 10 };
  for (const { bytes } of batches(options)) scanner.scan(bytes);
  spans += table.spanCount;
  if (!inBlocks) return [liveFragment(`live-${k}`, table.share())];
  const { parts, files: sizes } = buildBlockOf(table.share());
  const files = new Map([...parts].map(([file, chunks]) => [file, Buffer.concat(chunks)]));
  return openBlock(
    {
      blockId: `block-${k}`,
      sizes,
      cache: columnCache,
      readRange: async (file, offset, length) => files.get(file)!.subarray(offset, offset + length),
    },
    { requests: 0, bytes: 0, pages: 0 },
  );
}

const fragments: Fragment[] = [];
for (let k = 0; k < tableCount; k++) fragments.push(...(await fragmentsOf(k)));
console.log(`${spans} spans in ${fragments.length} ${inBlocks ? 'row groups of blocks' : 'live tables'}`);

const context: SearchContext = {
  storage: { snapshot: async () => ({ fragments, blockCount: tableCount, version: 'bench' }) },
  budget: { memoryBytesMax: 1 << 30 },
  pause: async () => {},
  nowMs: () => performance.now(),
};

const queries: readonly (readonly [query: string, limit: number])[] = [
  ['{ }', 20],
  ['{ status = error }', 20],
  ['{ status = error }', 1000],
  ['{ resource.service.name = "checkout" && duration > 200ms }', 1000],
  ['{ span.http.response.status_code = 503 }', 1000],
  ['{ span.user.id = "u31" }', 1000],
  ['{ span.app.order.id = "nope" }', 1000],
  ['{ .db.system = "redis" && .db.query.text =~ ".*catalog:1.*" }', 1000],
  ['{ name =~ "GET /api/.*" && span.http.response.status_code >= 500 }', 1000],
  ['{ resource.service.name = "frontend" } >> { status = error && resource.service.name = "payment" }', 1000],
  ['{ span.db.system = "postgresql" } | count() > 20', 1000],
  ['{ event.exception.type = "TypeError" }', 1000],
  ['{ kind = server && resource.service.name = "auth" } | select(span.rpc.method, resource.k8s.pod.name)', 100],
  ['{ } | count() > 90', 1000],
  ['{ } | avg(duration) > 100ms', 1000],
  ['{ kind = server } | by(name) | count() > 5', 1000],
  ['{ duration * 2 > 3s }', 1000],
  ['{ span:id = "7cc359f1c5cba68c" }', 20],
];

for (const [text, limit] of queries) {
  const query = checkQuery(parseQuery(text));
  const range = { startUnixNano: 0n, endUnixNano: 0n };
  const request = { tenant: 'b', query, range, limit, spansPerSpanSet: 3, sort: 'start', totals: false } as const;
  const times: number[] = [];
  let found = 0;
  for (let i = 0; i <= runs; i++) {
    const startMs = performance.now();
    found = (await runSearch(context, request, new AbortController().signal)).traces.length;
    times.push(performance.now() - startMs);
  }
  const [first, ...later] = times;
  const best = Math.min(...later);
  console.log(`first ${first!.toFixed(1).padStart(6)} ms, best ${best.toFixed(2).padStart(6)} ms  ${found} of ${text}`);
}
