/**
 * Dollars per billion spans, out of measured figures and list prices: the tables of docs/cost.md, which explains them.
 *
 *   node scripts/cost.ts                                         prints them for your own numbers:
 *        [--spans-per-second N] [--retention-days N] [--linger-ms N] [--writers N] [--readers N] [--utilisation 0.5]
 *   node scripts/cost.ts --write                                 puts them into docs/cost.md
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

export interface Workload {
  readonly spansPerSecond: number;
  readonly retentionDays: number;
  readonly lingerMs: number;
  readonly writers: number;
  readonly readers: number;
  /** Share of the paid processors that works, on average. */
  readonly utilisation: number;
}

/** A billion spans a day, with the defaults of the configuration. */
export const usualWorkload: Workload = {
  spansPerSecond: 1e9 / 86_400,
  retentionDays: 14,
  lingerMs: 500,
  writers: 1,
  readers: 1,
  utilisation: 0.5,
};

/** List prices of 2026 in dollars: us-east-1, us-central1, East US; standard or hot storage in one region. Deletes are free. */
const clouds = [
  // c7i.large: 0.08925 an hour for two processors.
  { name: 'S3', gbMonth: 0.023, writeRequest: 5e-6, readRequest: 4e-7, processorHour: 0.0446 },
  // n2-standard-2: 0.0971.
  { name: 'GCS', gbMonth: 0.02, writeRequest: 5e-6, readRequest: 4e-7, processorHour: 0.0486 },
  // D2s v5: 0.096.
  { name: 'Azure', gbMonth: 0.018, writeRequest: 5e-6, readRequest: 4e-7, processorHour: 0.048 },
] as const;
type Cloud = (typeof clouds)[number];

const spans = 1e9;
const daysOfMonth = 365 / 12;

/** What is the same for every workload; where from is said in docs/cost.md. */
const fixed = {
  otlpBytes: 350,
  segmentBytesMax: 8 << 20,
  blockSpansMax: 131_072,
  blockSecondsMax: 30,
  /** Tables, index and a version of the manifest. */
  blockWrites: 7,
  /** Blocks that become one, and reads of each. */
  compactedBlocks: 15,
  compactionReads: 8.5,
  compactionMicros: 4.9,
  /** A pack of indexes and a version of the manifest for each 16 blocks. */
  packWrites: 2 / 16,
  manifestSeconds: 15,
} as const;

interface Measured {
  readonly micros: number;
  readonly bytes: number;
}

const root = path.resolve(import.meta.dirname, '..');

/** Of the first table of docs/performance.md. */
function measured(): { tempo: Measured; rubato: Measured } {
  const text = readFileSync(path.join(root, 'docs/performance.md'), 'utf8');
  const row = (start: string): [number, number] => {
    const found = new RegExp(`^\\| ${start}[^|]*\\| ([\\d.]+)[^|]*\\| ([\\d.]+)`, 'm').exec(text);
    if (found === null) throw new Error(`docs/performance.md has no row "${start}" with Tempo's figure and ours`);
    return [Number(found[1]), Number(found[2])];
  };
  const [tempoMicros, rubatoMicros] = row('CPU per span');
  const [tempoBytes, rubatoBytes] = row('bytes per span');
  return {
    tempo: { micros: tempoMicros, bytes: tempoBytes },
    rubato: { micros: rubatoMicros, bytes: rubatoBytes },
  };
}

/** Of a billion spans. */
export function countRequests({ spansPerSecond, lingerMs, writers, readers }: Workload) {
  const seconds = spans / spansPerSecond;
  const perWriter = spansPerSecond / writers;
  const segmentsPerSecond = Math.max(1000 / lingerMs, (perWriter * fixed.otlpBytes) / fixed.segmentBytesMax);
  const blockSpans = Math.min(fixed.blockSpansMax, perWriter * fixed.blockSecondsMax);
  const blocks = spans / blockSpans;
  // Blocks that are full at once are put together once, others twice.
  const passes = blockSpans === fixed.blockSpansMax ? 1 : 2;
  return {
    passes,
    segments: seconds * writers * segmentsPerSecond,
    blockWrites: blocks * (fixed.blockWrites + (passes * fixed.blockWrites) / fixed.compactedBlocks + fixed.packWrites),
    compactionReads: blocks * passes * fixed.compactionReads,
    // Listings are paid for like writes.
    manifestLists: (seconds / fixed.manifestSeconds) * readers,
  };
}

const processors = (micros: number, { processorHour }: Cloud, { utilisation }: Workload): number =>
  ((micros * spans) / 1e6 / 3600 / utilisation) * processorHour;
const storage = (bytes: number, { gbMonth }: Cloud, { retentionDays }: Workload): number =>
  ((bytes * spans) / 1e9) * (retentionDays / daysOfMonth) * gbMonth;

/** Dollars. */
export function rubatoCost(cloud: Cloud, workload: Workload) {
  const { rubato } = measured();
  const { passes, segments, blockWrites, compactionReads, manifestLists } = countRequests(workload);
  const parts = {
    ingest: processors(rubato.micros, cloud, workload),
    compaction: processors(passes * fixed.compactionMicros, cloud, workload),
    storage: storage(rubato.bytes, cloud, workload),
    segments: segments * cloud.writeRequest,
    blocks: blockWrites * cloud.writeRequest + compactionReads * cloud.readRequest,
    manifest: manifestLists * cloud.writeRequest,
  };
  return { ...parts, sum: Object.values(parts).reduce((sum, part) => sum + part) };
}

/** Dollars, without what was not measured: compaction, requests, and whatever stands between its processes. */
export function tempoCost(cloud: Cloud, workload: Workload) {
  const { tempo } = measured();
  const parts = { ingest: processors(tempo.micros, cloud, workload), storage: storage(tempo.bytes, cloud, workload) };
  return { ...parts, sum: parts.ingest + parts.storage };
}

const dollars = (value: number | undefined): string => (value === undefined ? 'not counted' : value.toFixed(2));

export function costTables(workload: Workload): string {
  const requests = countRequests(workload);
  const ours = clouds.map((cloud) => rubatoCost(cloud, workload));
  const theirs = clouds.map((cloud): Partial<(typeof ours)[number]> => tempoCost(cloud, workload));
  const row = (name: string, key: keyof (typeof ours)[number]): string =>
    `| ${name} | ${clouds.map((_, i) => `${dollars(ours[i]![key])} | ${dollars(theirs[i]![key])}`).join(' | ')} |`;
  const count = (value: number): string => Math.round(value).toLocaleString('en-US');
  const rates = [1_000, 10_000, 100_000];
  const lingers = [500, 2000];
  const [s3] = clouds;
  return [
    `| dollars per billion spans | ${clouds.map(({ name }) => `${name}: Rubato | Tempo`).join(' | ')} |`,
    `|---|${'---|'.repeat(clouds.length * 2)}`,
    row('processors, receive to block', 'ingest'),
    row('processors, compaction', 'compaction'),
    row(`storage, ${workload.retentionDays} days`, 'storage'),
    row('requests: segments', 'segments'),
    row('requests: blocks and compaction', 'blocks'),
    row('requests: manifest', 'manifest'),
    row('**sum**', 'sum'),
    '',
    `Requests behind it: ${count(requests.segments)} segments, ${count(requests.blockWrites)} writes and ` +
      `${count(requests.compactionReads)} reads for blocks and compaction, ${count(requests.manifestLists)} listings.`,
    '',
    `| on S3, spans a second | ${lingers.map((ms) => `Rubato, linger ${ms / 1000} s`).join(' | ')} | Tempo |`,
    `|---|${'---|'.repeat(lingers.length + 1)}`,
    ...rates.map((spansPerSecond) => {
      const at = (lingerMs: number): Workload => ({ ...workload, spansPerSecond, lingerMs });
      const cells = lingers.map((ms) => dollars(rubatoCost(s3, at(ms)).sum));
      return `| ${count(spansPerSecond)} | ${cells.join(' | ')} | ${dollars(tempoCost(s3, at(500)).sum)} |`;
    }),
  ].join('\n');
}

export const costPage = path.join(root, 'docs/cost.md');
const marks = { begin: '<!-- by scripts/cost.ts -->\n', end: '\n<!-- end -->' };

/** The page with other tables. */
export function withTables(page: string, tables: string): string {
  const from = page.indexOf(marks.begin) + marks.begin.length;
  const to = page.indexOf(marks.end);
  if (from < marks.begin.length || to < from) throw new Error('docs/cost.md has lost the marks around its tables');
  return page.slice(0, from) + tables + page.slice(to);
}

if (import.meta.main) {
  const { values: flags } = parseArgs({
    options: {
      write: { type: 'boolean', default: false },
      'spans-per-second': { type: 'string' },
      'retention-days': { type: 'string' },
      'linger-ms': { type: 'string' },
      writers: { type: 'string' },
      readers: { type: 'string' },
      utilisation: { type: 'string' },
    },
  });
  const number = (name: Exclude<keyof typeof flags, 'write'>, otherwise: number): number => {
    const value = Number(flags[name] ?? otherwise);
    if (value > 0 && Number.isFinite(value)) return value;
    console.error(`cost: --${name} must be a number above 0`);
    return process.exit(2);
  };
  if (flags.write) {
    writeFileSync(costPage, withTables(readFileSync(costPage, 'utf8'), costTables(usualWorkload)));
  } else {
    console.log(
      costTables({
        spansPerSecond: number('spans-per-second', usualWorkload.spansPerSecond),
        retentionDays: number('retention-days', usualWorkload.retentionDays),
        lingerMs: number('linger-ms', usualWorkload.lingerMs),
        writers: number('writers', usualWorkload.writers),
        readers: number('readers', usualWorkload.readers),
        utilisation: number('utilisation', usualWorkload.utilisation),
      }),
    );
  }
}
