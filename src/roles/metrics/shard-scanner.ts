/**
 * Segments into rows, and rows to shards by trace id: spans of a trace, and so both sides of a request between services,
 * come to one shard. A tenant's rows of many segments share a table and its dictionaries, until it is full.
 */
import { SpanTable, type SpanTableData } from '../../model/span-table.ts';
import { OtlpScanner } from '../../protocol/otlp/scan.ts';
import { EntryFlag, type Segment } from '../../wal/segment-codec.ts';
import type { AppliedRows } from './metrics-role.ts';
import { shardCount } from './shard-heads.ts';

export interface ShardScannerOptions {
  /** Whether any metrics are made of a tenant's spans. */
  readonly isWanted: (tenant: string) => boolean;
  /** The cut that was made when the request came in, bytes; 0 = none. */
  readonly attributeBytesMax: (tenant: string) => number;
  readonly log: { warn(fields: object, message: string): void };
}

interface OpenTable {
  readonly id: string;
  readonly table: SpanTable;
  readonly scanner: OtlpScanner;
}

/** A full table holds about 15 MB. */
const tableSpansMax = 65_536;
/** Rows that a table begins with: small, since there may be many tenants. */
const spansMin = 256;

export class ShardScanner {
  readonly #options: ShardScannerOptions;
  readonly #tables = new Map<string, OpenTable>();
  #count = 0;

  constructor(options: ShardScannerOptions) {
    this.#options = options;
  }

  /** Of each shard the rows that a segment has for it. */
  scan({ header, entries }: Segment): AppliedRows[][] {
    const rows: AppliedRows[][] = Array.from({ length: shardCount }, () => []);
    for (const { tenant, body, flags } of entries) {
      if ((flags & EntryFlag.noGenerateMetrics) !== 0 || !this.#options.isWanted(tenant)) continue;
      const { id, table, scanner } = this.#open(tenant);
      const from = table.spanCount;
      try {
        scanner.scan(body, { maxAttributeBytes: this.#options.attributeBytesMax(tenant) });
      } catch (error) {
        // The writer has scanned the same bytes before it stored them.
        this.#options.log.warn({ tenant, ...header, reason: String(error) }, 'a stored request cannot be read');
        continue;
      }
      const data = table.share();
      const ranges = rangesOfShards(data, from, table.spanCount);
      for (let shard = 0; shard < shardCount; shard++)
        if (ranges[shard]!.length > 0) rows[shard]!.push({ tenant, table: id, data, ranges: ranges[shard]! });
    }
    return rows;
  }

  #open(tenant: string): OpenTable {
    const known = this.#tables.get(tenant);
    if (known !== undefined && known.table.spanCount < tableSpansMax) return known;
    const table = new SpanTable(spansMin, known?.table);
    const opened = { id: `shards-${this.#count++}`, table, scanner: new OtlpScanner(table) };
    this.#tables.set(tenant, opened);
    return opened;
  }
}

function rangesOfShards(data: SpanTableData, from: number, to: number): [from: number, to: number][][] {
  const ranges: [number, number][][] = Array.from({ length: shardCount }, () => []);
  for (let row = from; row < to; row++) {
    const ofShard = ranges[shardOf(data.traceIds, data.trace[row]!)]!;
    const last = ofShard.at(-1);
    if (last?.[1] === row) last[1] = row + 1;
    else ofShard.push([row, row + 1]);
  }
  return ranges;
}

/** Which shard a trace belongs to: stored with counters, so it must not change. Ids need not be random in every byte. */
function shardOf(traceIds: Uint32Array, trace: number): number {
  let hash = 0;
  for (let i = trace * 4; i < trace * 4 + 4; i++) {
    hash = Math.imul(hash ^ traceIds[i]!, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return (hash >>> 0) % shardCount;
}
