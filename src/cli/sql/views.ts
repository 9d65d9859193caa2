/**
 * SQL over a tenant's blocks. Row numbers count through one block, so every join goes over `block`, too, which DuckDB
 * gets from the name of the folder that a file lies in:
 *
 *   raw.traces, raw.spans, …   the files of all blocks as they are, and `block`
 *   traces, spans, …           what people ask for: ids in hex, times as times, resources beside their spans
 */

export const sqlTables = ['traces', 'spans', 'resources', 'events', 'links'] as const;
export type SqlTable = (typeof sqlTables)[number];

export type TableFiles = Readonly<Record<SqlTable, readonly string[]>>;

/** What a view is made of. */
const needs: Readonly<Record<string, readonly SqlTable[]>> = {
  traces: ['traces'],
  spans: ['spans', 'traces', 'resources'],
  resources: ['resources'],
  events: ['events', 'spans', 'traces'],
  links: ['links', 'spans', 'traces'],
  parents: ['spans'],
};

/** Tables that a query may read, by the words in it: too many do no harm. */
export function tablesOf(sql: string): ReadonlySet<SqlTable> {
  const words = new Set(sql.toLowerCase().match(/[a-z_]+/g));
  const all = new Set<SqlTable>();
  for (const [view, tables] of Object.entries(needs)) if (words.has(view)) for (const table of tables) all.add(table);
  // A catalogue's query names no view.
  return all.size === 0 ? new Set(sqlTables) : all;
}

const views: Readonly<Record<string, string>> = {
  traces: `
    SELECT block, trace, lower(hex(trace_id)) AS trace_id, make_timestamp_ns(start_unix_nano) AS start, duration_nano,
           root_service, root_name, span_count, error_count
    FROM raw.traces`,
  spans: `
    SELECT block, span, lower(hex(t.trace_id)) AS trace_id, lower(hex(s.span_id)) AS span_id,
           make_timestamp_ns(t.start_unix_nano + s.start_offset_nano) AS start,
           s.* EXCLUDE (block, span, trace, span_id, resource, unlinked_parent_id), r.* EXCLUDE (block, resource)
    FROM raw.spans s JOIN raw.traces t USING (block, trace) JOIN raw.resources r USING (block, resource)`,
  resources: 'FROM raw.resources',
  events: `
    SELECT block, span, lower(hex(t.trace_id)) AS trace_id, lower(hex(s.span_id)) AS span_id,
           make_timestamp_ns(t.start_unix_nano + s.start_offset_nano + e.time_offset_nano) AS time,
           e.* EXCLUDE (block, span)
    FROM raw.events e JOIN raw.spans s USING (block, span) JOIN raw.traces t USING (block, trace)`,
  links: `
    SELECT block, span, lower(hex(t.trace_id)) AS trace_id, lower(hex(s.span_id)) AS span_id,
           lower(hex(l.trace_id)) AS linked_trace_id, lower(hex(l.span_id)) AS linked_span_id,
           l.* EXCLUDE (block, span, trace_id, span_id)
    FROM raw.links l JOIN raw.spans s USING (block, span) JOIN raw.traces t USING (block, trace)`,
  parents: `
    SELECT s.block, s.span, p.span AS parent_span,
           lower(hex(coalesce(s.unlinked_parent_id, p.span_id))) AS parent_id
    FROM raw.spans s LEFT JOIN raw.spans p
      ON s.parent_distance > 0 AND p.block = s.block AND p.span = s.span - s.parent_distance`,
};

/** Statements that make the views whose tables all have files. */
export function viewStatements(files: TableFiles): string[] {
  const statements = ['CREATE SCHEMA raw'];
  for (const table of sqlTables) {
    if (files[table].length === 0) continue;
    const list = files[table].map(sqlText).join(', ');
    statements.push(
      `CREATE VIEW raw.${table} AS SELECT parse_path(filename)[-2] AS block, * EXCLUDE (filename) ` +
        `FROM read_parquet([${list}], union_by_name = true, filename = true)`,
    );
  }
  for (const [view, sql] of Object.entries(views)) {
    if (needs[view]!.every((table) => files[table].length > 0)) statements.push(`CREATE VIEW ${view} AS ${sql}`);
  }
  return statements;
}

export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
