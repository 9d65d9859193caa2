/**
 * Live tables made of other processes' segments, one open table a tenant and writer. Who covers segments with blocks, the
 * writer or somebody who adopted them, knows nothing of these tables and cuts where it likes; so each table knows where
 * the rows of every segment end, and a reader leaves out those that its manifest covers.
 *
 *   table    │ segment 5 │ segment 6 │ segment 8 │        covered[writer] = 6: a query sees the rows of segment 8
 *
 * A table is dropped when all of it is covered. To let that happen soon, one that is covered in part takes no more.
 */
import type { ManifestState } from '../../block/manifest.ts';
import { SpanTable } from '../../model/span-table.ts';
import { OtlpScanner } from '../../protocol/otlp/scan.ts';
import type { Segment } from '../../wal/segment-codec.ts';
import type { LiveTableView } from '../write/live-table.ts';

export interface MirrorOptions {
  /** The cut that was made when the request came in, bytes; 0 = none. */
  readonly attributeBytesMax: (tenant: string) => number;
  /** A table with so many spans takes no more. */
  readonly tableSpansMax: number;
  readonly log: { warn(fields: object, message: string): void };
}

interface MirrorTable {
  readonly id: string;
  readonly writer: string;
  readonly table: SpanTable;
  readonly scanner: OtlpScanner;
  readonly seqs: number[];
  readonly ends: number[];
  isOpen: boolean;
}

/** Rows that a table begins with: small, since there may be many tenants. */
const spansMin = 256;

export class Mirror {
  readonly #options: MirrorOptions;
  readonly #tenants = new Map<string, MirrorTable[]>();
  /** By tenant: what the newest manifest that a reader holds covers. */
  readonly #covered = new Map<string, { version: number; covered: ReadonlyMap<string, number> }>();
  #count = 0;

  constructor(options: MirrorOptions) {
    this.#options = options;
  }

  add({ header, entries }: Segment): void {
    for (const { tenant, body } of entries) {
      if (header.seq <= (this.#covered.get(tenant)?.covered.get(header.writer) ?? 0)) continue;
      const table = this.#open(tenant, header.writer, header.seq);
      try {
        table.scanner.scan(body, { maxAttributeBytes: this.#options.attributeBytesMax(tenant) });
      } catch (error) {
        // The writer has scanned the same bytes before it stored them.
        this.#options.log.warn({ tenant, ...header, reason: String(error) }, 'a stored request cannot be read');
      }
      const last = table.seqs.length - 1;
      if (table.seqs[last] === header.seq) table.ends[last] = table.table.spanCount;
      else {
        table.seqs.push(header.seq);
        table.ends.push(table.table.spanCount);
      }
      if (table.table.spanCount >= this.#options.tableSpansMax) table.isOpen = false;
    }
  }

  live(tenant: string): readonly LiveTableView[] {
    const tables = (this.#tenants.get(tenant) ?? []).filter(({ table }) => table.spanCount > 0);
    return tables.map(({ id, writer, table, seqs, ends }) => ({
      id,
      writer,
      lastSeq: undefined,
      data: table.share(),
      segments: { seqs: seqs.slice(), ends: ends.slice() },
    }));
  }

  get tenants(): readonly string[] {
    return [...this.#tenants.keys()];
  }

  /** A reader holds this manifest, and will never answer from an older one. */
  see({ tenant, version, covered }: Pick<ManifestState, 'tenant' | 'version' | 'covered'>): void {
    if ((this.#covered.get(tenant)?.version ?? -1) >= version) return;
    this.#covered.set(tenant, { version, covered });
    this.#keep(tenant, (table) => {
      const through = covered.get(table.writer) ?? 0;
      if (table.seqs[0]! <= through) table.isOpen = false;
      return table.seqs.at(-1)! > through;
    });
  }

  /** All of the writer's rows are in blocks of every manifest that is loaded from now on. */
  forget(writer: string): void {
    for (const tenant of this.tenants) this.#keep(tenant, (table) => table.writer !== writer);
  }

  #keep(tenant: string, isKept: (table: MirrorTable) => boolean): void {
    const kept = (this.#tenants.get(tenant) ?? []).filter(isKept);
    if (kept.length > 0) this.#tenants.set(tenant, kept);
    else this.#tenants.delete(tenant);
  }

  /** The table that takes rows of this segment. Within one table segments are in order. */
  #open(tenant: string, writer: string, seq: number): MirrorTable {
    let tables = this.#tenants.get(tenant);
    if (tables === undefined) this.#tenants.set(tenant, (tables = []));
    const before = tables.findLast((table) => table.writer === writer);
    if (before !== undefined && (before.seqs.at(-1) === seq || (before.isOpen && before.seqs.at(-1)! < seq)))
      return before;
    if (before !== undefined) before.isOpen = false;
    const table = new SpanTable(spansMin, before?.table);
    const opened: MirrorTable = {
      id: `mirror-${writer}-${this.#count++}`,
      writer,
      table,
      scanner: new OtlpScanner(table),
      seqs: [],
      ends: [],
      isOpen: true,
    };
    tables.push(opened);
    return opened;
  }
}

/** Rows at the beginning of a table that are of segments up to `through`. */
export function coveredRows(
  { seqs, ends }: { seqs: readonly number[]; ends: readonly number[] },
  through: number,
): number {
  let rows = 0;
  for (let i = 0; i < seqs.length && seqs[i]! <= through; i++) rows = ends[i]!;
  return rows;
}
