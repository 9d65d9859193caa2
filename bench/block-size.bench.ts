/**
 * Bytes and CPU time that blocks of the generated shop traces beside the project take: OTLP → table → order → block, in
 * blocks of 131,072 spans; columns by size.
 */
import { type BuiltBlock, buildBlock } from '../src/block/build.ts';
import { orderTable } from '../src/block/order.ts';
import { SpanTable } from '../src/model/span-table.ts';
import { parseFile } from '../src/parquet/read-file.ts';
import { OtlpScanner } from '../src/protocol/otlp/scan.ts';
import { generatedBatches, missing } from '../test/support/shared.ts';
import { type Bench, type Figure, runIfMain } from './measure.ts';

const blockSpans = 131_072;
/** Columns of less are not told. */
const toldBytes = 0.1;

const totals = { spans: 0, scanMs: 0, orderMs: 0, buildMs: 0 };
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
  const block = best('buildMs', () => buildBlock([ordered]));
  totals.spans += block.spanCount;
  measure(block);
}

export const bench: Bench = async (size) => {
  const skipped = missing('tracegen/tracegen.mjs');
  if (skipped !== false) return { figures: [], skipped };
  const traces = size === 'quick' ? 200 : 20_000;
  let table = new SpanTable(blockSpans);
  let scanner = new OtlpScanner(table);
  for (const { bytes } of await generatedBatches({ seed: 1, traces, baseMs: 1_700_000_000_000 })) {
    const start = cpuMs();
    scanner.scan(bytes);
    totals.scanMs += cpuMs() - start;
    if (table.spanCount < blockSpans) continue;
    flush(table);
    table = new SpanTable(blockSpans);
    scanner = new OtlpScanner(table);
  }
  if (table.spanCount > 0) flush(table);

  const { spans, scanMs, orderMs, buildMs } = totals;
  const micros = (name: string, ms: number): Figure => ({ name, value: (ms * 1000) / spans, unit: 'µs/span' });
  const sizes = [...bytesByColumn].sort((a, b) => b[1] - a[1]);
  const all = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
  return {
    figures: [
      micros('scan', scanMs),
      micros('order', orderMs),
      micros('build', buildMs),
      { name: 'all columns', value: all / spans, unit: 'B/span' },
      ...sizes
        .map(([name, bytes]) => ({ name, value: bytes / spans, unit: 'B/span' }))
        .filter(({ value }) => value >= toldBytes),
    ],
  };
};

await runIfMain(import.meta, bench);
