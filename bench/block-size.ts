/**
 * Bytes and CPU time that blocks of generated shop traces take: OTLP → table → order → block, in blocks of about 128k spans.
 *
 *   node bench/block-size.ts [traces = 20000] [spans a block = 131072] [zstd level = 3]
 *
 * Needs the trace generator beside the project (../shared/tracegen).
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type BuiltBlock, buildBlock } from '../src/block/build.ts';
import { orderTable } from '../src/block/order.ts';
import { SpanTable } from '../src/model/span-table.ts';
import { parseFile } from '../src/parquet/read-file.ts';
import { OtlpScanner } from '../src/protocol/otlp/scan.ts';

const traces = Number(process.argv[2] ?? 20_000);
const blockSpans = Number(process.argv[3] ?? 131_072);
const level = Number(process.argv[4] ?? 3);

const generator = path.resolve(import.meta.dirname, '../../shared/tracegen/tracegen.mjs');
if (!existsSync(generator)) {
  console.error(`SKIPPED: no trace generator at ${generator}`);
  process.exit(0);
}
const { batches } = (await import(generator)) as {
  batches(options: object): Iterable<{ bytes: Uint8Array; spans: number }>;
};

const totals = { spans: 0, scanMs: 0, orderMs: 0, buildMs: 0, blocks: 0 };
const bytesByColumn = new Map<string, number>();

/** CPU time of all threads, which other processes disturb less than the clock. */
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Adds the lowest time of three runs. */
function best<T>(what: 'orderMs' | 'buildMs', work: () => T): T {
  let lowest = Number.POSITIVE_INFINITY;
  for (let run = 1; ; run++) {
    const start = cpuMs();
    const result = work();
    lowest = Math.min(lowest, cpuMs() - start);
    if (run < 3) continue;
    totals[what] += lowest;
    return result;
  }
}

const add = (name: string, bytes: number) => bytesByColumn.set(name, (bytesByColumn.get(name) ?? 0) + bytes);

function measure(block: BuiltBlock): void {
  for (const [file, parts] of block.parts) {
    const size = block.files[file]!;
    if (file === 'index') {
      add('index', size);
      continue;
    }
    const bytes = Buffer.concat(parts);
    const parsed = parseFile(bytes, bytes.length);
    let pages = 0;
    for (const group of parsed.rowGroups) {
      for (const column of group.columns) {
        add(`${file} ${column.schema.name} (${column.encoding})`, column.size);
        pages += column.size;
      }
    }
    add(`${file} footer`, size - pages);
  }
}

function flush(table: SpanTable): void {
  const data = table.share();
  const ordered = best('orderMs', () => orderTable(data));
  const block = best('buildMs', () => buildBlock([ordered], { level }));
  totals.spans += block.spanCount;
  totals.blocks++;
  measure(block);
}

let table = new SpanTable(blockSpans);
let scanner = new OtlpScanner(table);
for (const { bytes } of batches({ seed: 1, traces, baseNs: 1_700_000_000_000_000_000n })) {
  const start = cpuMs();
  scanner.scan(bytes);
  totals.scanMs += cpuMs() - start;
  if (table.spanCount < blockSpans) continue;
  flush(table);
  table = new SpanTable(blockSpans);
  scanner = new OtlpScanner(table);
}
if (table.spanCount > 0) flush(table);

const perSpan = (n: number) => (n / totals.spans).toFixed(3).padStart(8);
let sum = 0;
for (const [name, bytes] of [...bytesByColumn].sort((a, b) => b[1] - a[1])) {
  sum += bytes;
  if (bytes / totals.spans >= 0.01) console.log(perSpan(bytes), name);
}
console.log(perSpan(sum), 'bytes a span in all');
const micros = (ms: number) => `${((ms * 1000) / totals.spans).toFixed(2)} µs`;
console.log(
  `${totals.spans} spans, ${totals.blocks} blocks; a span: scan ${micros(totals.scanMs)}, ` +
    `order ${micros(totals.orderMs)}, build ${micros(totals.buildMs)}`,
);
