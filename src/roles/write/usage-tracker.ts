/**
 * Cost attribution: bytes received by the values of attributes that the operator names for a tenant, for example its
 * teams. A request's bytes are shared out to its spans by what they hold, and a span's share goes to the series of its
 * label values.
 *
 *   span row ─► value ids of the wanted attributes ─► series ─► bytes
 *
 * Per table it is known which columns are wanted, and which combinations of value ids are which series: a span whose
 * values are those of the span before costs a pass over its attributes and nothing else.
 */
import type { SpanTable } from '../../model/span-table.ts';
import type { IngestObserver, StoredRequest } from './ingest-observer.ts';

export interface CostAttribution {
  /** Attribute (`resource.x`, `span.x`, or `x` for either) to label; empty: the attribute's name. */
  readonly dimensions: Readonly<Record<string, string>>;
  /** Series of the tenant; what comes after them is counted as one more. */
  readonly seriesMax: number;
}

export interface UsageTrackerOptions {
  readonly attributionOf: (tenant: string) => CostAttribution;
  /** Series that got nothing for so long are forgotten. */
  readonly staleMs: number;
  readonly nowMs: () => number;
}

const missing = '__missing__';
const overflow = '__overflow__';

interface Series {
  readonly values: readonly string[];
  bytes: number;
  usedAtMs: number;
  /** Forgotten, so what a table knows of it is out of date. */
  gone: boolean;
}

/** An attribute that is wanted: where it may stand, and its label. */
interface Source {
  readonly key: string;
  readonly fromSpan: boolean;
  readonly fromResource: boolean;
  /** Position among the labels. */
  readonly label: number;
}

interface TenantUsage {
  readonly dimensions: Readonly<Record<string, string>>;
  readonly sources: readonly Source[];
  /** Sorted, each once. */
  readonly labels: readonly string[];
  readonly series: Map<string, Series>;
  readonly tables: WeakMap<SpanTable, TableUsage>;
}

/** What is known of one table. */
interface TableUsage {
  /** By column: 1 + label; 0 when it is not wanted. */
  columns: Uint8Array;
  known: number;
  /** Value ids of the span at hand, by label; 0 = none. */
  readonly ids: Uint32Array;
  readonly lastIds: Uint32Array;
  last: Series | undefined;
  readonly series: Map<string, Series>;
}

/** More labels than this are more than a bill has lines; label numbers fit a byte. */
const labelsMax = 250;
/** What a span costs beside its values: ids, times, kind, and an attribute's tags. Rough, as all shares are. */
const spanBytes = 64;
const attributeBytes = 12;
const eventBytes = 64;

const decoder = new TextDecoder();

export class UsageTracker implements IngestObserver {
  readonly #options: UsageTrackerOptions;
  readonly #tenants = new Map<string, TenantUsage>();
  #weights = new Float64Array(1024);

  constructor(options: UsageTrackerOptions) {
    this.#options = options;
  }

  refused(): void {
    // What is not stored costs nothing.
  }

  stored({ tenant, body, table, from, to }: StoredRequest): void {
    const { dimensions, seriesMax } = this.#options.attributionOf(tenant);
    const usage = this.#usage(tenant, dimensions);
    if (usage === undefined) return;
    if (to - from > this.#weights.length) this.#weights = new Float64Array((to - from) * 2);
    const weights = this.#weights;
    let total = 0;
    for (let row = from; row < to; row++) total += weights[row - from] = weightOf(table, row);
    const seen = tableUsage(usage, table);
    const nowMs = this.#options.nowMs();
    for (let row = from; row < to; row++) {
      readIds(seen, table, row);
      const series = this.#series(usage, seen, table, seriesMax);
      series.bytes += (body.length * weights[row - from]!) / total;
      series.usedAtMs = nowMs;
    }
  }

  /** Prometheus text of everything that is not stale. */
  text(): string {
    const name = 'tempo_usage_tracker_bytes_received_total';
    const lines = [
      `# HELP ${name} Bytes of OTLP received, by the attributes that are configured.`,
      `# TYPE ${name} counter`,
    ];
    for (const [tenant, { labels, series }] of this.#tenants) {
      this.#forgetStale(series);
      for (const { values, bytes } of series.values()) {
        const own = labels.map((label, i) => `${label}="${escaped(values[i]!)}",`).join('');
        lines.push(`${name}{${own}tenant="${escaped(tenant)}",tracker="cost-attribution"} ${Math.round(bytes)}`);
      }
    }
    return `${lines.join('\n')}\n`;
  }

  /** The tenant's series; they start anew when the dimensions are others. Undefined when there are no dimensions. */
  #usage(tenant: string, dimensions: Readonly<Record<string, string>>): TenantUsage | undefined {
    const known = this.#tenants.get(tenant);
    if (known?.dimensions === dimensions) return known;
    const sources = sourcesOf(dimensions);
    if (sources.labels.length === 0) {
      this.#tenants.delete(tenant);
      return undefined;
    }
    // Limits that are loaded again are other objects with, mostly, the same content.
    const same = known !== undefined && JSON.stringify(known.dimensions) === JSON.stringify(dimensions);
    const usage: TenantUsage = same
      ? { ...known, dimensions }
      : { dimensions, ...sources, series: new Map(), tables: new WeakMap() };
    this.#tenants.set(tenant, usage);
    return usage;
  }

  /** The series of the ids that were read last. */
  #series(usage: TenantUsage, seen: TableUsage, table: SpanTable, seriesMax: number): Series {
    const { ids, lastIds } = seen;
    let same = seen.last !== undefined && !seen.last.gone;
    for (let i = 0; i < ids.length && same; i++) same = ids[i] === lastIds[i];
    if (same) return seen.last!;
    const idKey = ids.join();
    let series = seen.series.get(idKey);
    if (series === undefined || series.gone) {
      const values = Array.from(ids, (id) => (id === 0 ? missing : valueText(table, id)));
      series = this.#seriesOf(usage, values, seriesMax);
      // Overflowing values are looked up each time: there may be room later, and without an end to them.
      if (series.values[0] !== overflow) seen.series.set(idKey, series);
    }
    lastIds.set(ids);
    seen.last = series;
    return series;
  }

  #seriesOf({ series, labels }: TenantUsage, values: readonly string[], seriesMax: number): Series {
    const key = values.join('\0');
    const known = series.get(key);
    if (known !== undefined) return known;
    if (series.size >= seriesMax) {
      this.#forgetStale(series);
      if (series.size >= seriesMax) {
        const rest = labels.map(() => overflow);
        const restKey = rest.join('\0');
        return series.get(restKey) ?? this.#add(series, restKey, rest);
      }
    }
    return this.#add(series, key, values);
  }

  #add(all: Map<string, Series>, key: string, values: readonly string[]): Series {
    const series: Series = { values, bytes: 0, usedAtMs: this.#options.nowMs(), gone: false };
    all.set(key, series);
    return series;
  }

  #forgetStale(all: Map<string, Series>): void {
    const before = this.#options.nowMs() - this.#options.staleMs;
    for (const [key, series] of all) {
      if (series.usedAtMs >= before) continue;
      series.gone = true;
      all.delete(key);
    }
  }
}

function sourcesOf(dimensions: Readonly<Record<string, string>>): { sources: Source[]; labels: string[] } {
  const wanted = Object.entries(dimensions).map(([attribute, label]) => {
    const scoped = /^(resource|span)\.(.+)$/s.exec(attribute);
    const key = scoped?.[2] ?? attribute.replace(/^\./, '');
    return { key, scope: scoped?.[1], label: labelName(label === '' ? key : label) };
  });
  const labels = [...new Set(wanted.map(({ label }) => label))].sort().slice(0, labelsMax);
  const sources = wanted.flatMap(({ key, scope, label }) => {
    const position = labels.indexOf(label);
    if (position === -1) return [];
    return [{ key, fromSpan: scope !== 'resource', fromResource: scope !== 'span', label: position }];
  });
  return { sources, labels };
}

function labelName(text: string): string {
  const name = text.replace(/[^a-zA-Z0-9_]/g, '_');
  return /^\d/.test(name) ? `_${name}` : name;
}

function tableUsage(usage: TenantUsage, table: SpanTable): TableUsage {
  let seen = usage.tables.get(table);
  if (seen === undefined) {
    const labels = usage.labels.length;
    seen = {
      columns: new Uint8Array(256),
      known: 0,
      ids: new Uint32Array(labels),
      lastIds: new Uint32Array(labels),
      last: undefined,
      series: new Map(),
    };
    usage.tables.set(table, seen);
  }
  learnColumns(seen, usage.sources, table);
  return seen;
}

/** Looks at columns that the table got since. */
function learnColumns(seen: TableUsage, sources: readonly Source[], table: SpanTable): void {
  const { columns } = table;
  if (columns.length > seen.columns.length) {
    const grown = new Uint8Array(columns.length * 2);
    grown.set(seen.columns);
    seen.columns = grown;
  }
  for (; seen.known < columns.length; seen.known++) {
    const { scope, key } = columns[seen.known]!;
    const source = sources.find(
      (wanted) =>
        wanted.key === key && ((scope === 'span' && wanted.fromSpan) || (scope === 'resource' && wanted.fromResource)),
    );
    seen.columns[seen.known] = source === undefined ? 0 : source.label + 1;
  }
}

/** Ids of a span's wanted attributes; those of the span itself win over its resource's. */
function readIds(seen: TableUsage, table: SpanTable, row: number): void {
  const { ids, columns } = seen;
  const { valueColumn, resourceAttrs, attrs } = table;
  ids.fill(0);
  const resource = table.resource[row]!;
  const resourceEnd = table.resourceAttrEnd[resource]!;
  for (let i = resource === 0 ? 0 : table.resourceAttrEnd[resource - 1]!; i < resourceEnd; i++) {
    const label = columns[valueColumn[resourceAttrs[i]!]!]!;
    if (label !== 0) ids[label - 1] = resourceAttrs[i]!;
  }
  const attrEnd = table.attrEnd[row]!;
  for (let i = row === 0 ? 0 : table.attrEnd[row - 1]!; i < attrEnd; i++) {
    const label = columns[valueColumn[attrs[i]!]!]!;
    if (label !== 0) ids[label - 1] = attrs[i]!;
  }
}

/** About how many bytes a span was on the wire. */
function weightOf(table: SpanTable, row: number): number {
  const { attrs, valueLength } = table;
  const end = table.attrEnd[row]!;
  let weight = spanBytes + valueLength[table.name[row]!]!;
  for (let i = row === 0 ? 0 : table.attrEnd[row - 1]!; i < end; i++)
    weight += attributeBytes + valueLength[attrs[i]!]!;
  const events = table.eventEnd[row]! - (row === 0 ? 0 : table.eventEnd[row - 1]!);
  return weight + events * eventBytes;
}

function valueText(table: SpanTable, id: number): string {
  const offset = table.valueOffset[id]!;
  const bytes = table.arena.slice(offset, offset + table.valueLength[id]!);
  const view = new DataView(bytes.buffer);
  switch (table.columns[table.valueColumn[id]!]!.type) {
    case 'string':
      return decoder.decode(bytes);
    case 'int':
      return String(view.getBigInt64(0, true));
    case 'double':
      return String(view.getFloat64(0, true));
    case 'bool':
      return bytes[0] === 0 ? 'false' : 'true';
    case 'any':
      return missing;
  }
}

function escaped(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}
