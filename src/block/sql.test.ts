/** A block is open to SQL: DuckDB reads its tables and agrees with us. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { buildBlockOf } from './build.ts';
import { expectedTraces } from './testing/expected.ts';
import { memoryBlock } from './testing/memory-block.ts';
import { type FragmentTrace, type PlainAttrs, tableOf, valueHex } from './testing/plain-spans.ts';
import { randomSpans } from './testing/random-table.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'rubato-block-'));
const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
const duckdb = await instance.connect();
after(() => {
  duckdb.closeSync();
  instance.closeSync();
  rmSync(folder, { recursive: true });
});

const spans = randomSpans({ seed: 1, traces: 300, spansPerTraceMax: 20 });
const traces: readonly FragmentTrace[] = expectedTraces(spans);
const stored = traces.flatMap((trace) => trace.spans);
const built = buildBlockOf(tableOf(spans), { pageRows: 100, rowGroupSpansMax: 800 });
for (const [file, bytes] of memoryBlock(built).files) {
  if (!file.endsWith('.parquet')) continue;
  writeFileSync(path.join(folder, file), bytes);
  await duckdb.run(`CREATE VIEW ${path.basename(file, '.parquet')} AS FROM '${path.join(folder, file)}'`);
}

async function rows(sql: string): Promise<string[][]> {
  const result = await duckdb.runAndReadAll(sql);
  return result.getRows().map((row) => row.map(String));
}

/** How often each text occurs, as a query with GROUP BY 1 ORDER BY 1 gives it. */
function counts(texts: Iterable<string>): string[][] {
  const byText = new Map<string, number>();
  for (const text of texts) byText.set(text, (byText.get(text) ?? 0) + 1);
  return [...byText].map(([text, count]) => [text, String(count)]).sort((a, b) => (a[0]! < b[0]! ? -1 : 1));
}

const textOf = (attrs: PlainAttrs, name: string): string =>
  attrs[name] === undefined ? 'null' : Buffer.from(attrs[name], 'hex').toString();

test('counts of all tables', async () => {
  assert.ok(built.rowGroups > 2);
  const found = await rows(
    'SELECT (SELECT count(*) FROM traces), (SELECT count(*) FROM spans), (SELECT count(*) FROM events), (SELECT count(*) FROM links)',
  );
  const sum = (of: (span: (typeof stored)[number]) => number) =>
    String(stored.reduce((total, span) => total + of(span), 0));
  assert.deepEqual(found, [
    [String(traces.length), sum(() => 1), sum((s) => s.events.length), sum((s) => s.links.length)],
  ]);
});

test('spans by a string attribute and by kind', async () => {
  assert.deepEqual(
    await rows(`SELECT coalesce("span.http.route", 'null') AS route, count(*) FROM spans GROUP BY 1 ORDER BY 1`),
    counts(stored.map((span) => textOf(span.attrs, 'span/string/http.route'))),
  );
  assert.deepEqual(
    await rows(`SELECT kind, count(*) FROM spans GROUP BY 1 ORDER BY 1`),
    counts(stored.map((s) => ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'][s.kind]!)),
  );
});

test('a key of several types is a column a type', async () => {
  const found = await rows(
    `SELECT count("span.mixed:int"), count("span.mixed:double"), count("span.mixed:string"), sum("span.http.status_code") FROM spans WHERE "span.http.status_code" BETWEEN 0 AND 1000`,
  );
  const some = stored.filter((s) =>
    ['200', '404'].some((n) => s.attrs['span/int/http.status_code'] === valueHex(BigInt(n))),
  );
  const count = (type: string) => String(some.filter((s) => s.attrs[`span/${type}/mixed`] !== undefined).length);
  const sum = some.reduce(
    (total, s) => total + (s.attrs['span/int/http.status_code'] === valueHex(200n) ? 200 : 404),
    0,
  );
  assert.deepEqual(found, [[count('int'), count('double'), count('string'), String(sum)]]);
});

test('spans joined with their resources', async () => {
  assert.deepEqual(
    await rows(
      `SELECT coalesce("resource.service.name", 'null') AS service, count(*) FROM spans JOIN resources USING (resource) GROUP BY 1 ORDER BY 1`,
    ),
    counts(stored.map((span) => textOf(span.resource, 'resource/string/service.name'))),
  );
});

test('spans joined with traces give absolute times', async () => {
  const found = await rows(`
    SELECT hex(span_id), start_unix_nano + start_offset_nano AS start, start_unix_nano + start_offset_nano + s.duration_nano
    FROM spans s JOIN traces USING (trace)
    WHERE s.duration_nano >= 0 AND make_timestamp_ns(start_unix_nano) > TIMESTAMP '2000-01-01' ORDER BY span`);
  const expected = traces
    .filter((trace) => typeof trace.start === 'bigint')
    .flatMap((trace) => trace.spans)
    .filter((span) => BigInt.asIntN(64, span.end - span.start) >= 0n)
    .map((span) => [span.spanId.toUpperCase(), String(span.start), String(span.end)]);
  assert.deepEqual(found, expected);
});

test('spans joined with their parents', async () => {
  assert.deepEqual(
    await rows(`
      SELECT parent.name || ' > ' || child.name AS edge, count(*)
      FROM spans child JOIN spans parent ON parent.span = child.span - child.parent_distance
      WHERE child.parent_distance > 0 GROUP BY 1 ORDER BY 1`),
    counts(
      traces.flatMap((trace) =>
        trace.spans
          .filter((span) => span.parentInTrace >= 0)
          .map((span) => `${trace.spans[span.parentInTrace]!.name} > ${span.name}`),
      ),
    ),
  );
});

test('events and links joined with spans; roots and error counts of traces', async () => {
  assert.deepEqual(
    await rows('SELECT events.name, count(*) FROM events JOIN spans USING (span) GROUP BY 1 ORDER BY 1'),
    counts(stored.flatMap((span) => span.events.map(({ name }) => name))),
  );
  assert.deepEqual(
    await rows('SELECT hex(l.trace_id), count(*) FROM links l JOIN spans USING (span) GROUP BY 1 ORDER BY 1'),
    counts(stored.flatMap((span) => span.links.map(({ traceId }) => traceId.toUpperCase()))),
  );
  assert.deepEqual(
    await rows(`SELECT hex(trace_id), coalesce(root_name, 'null'), span_count, error_count FROM traces ORDER BY trace`),
    traces.map((trace) => [
      trace.traceId.toUpperCase(),
      trace.rootName ?? 'null',
      String(trace.spans.length),
      String(trace.spans.filter(({ status }) => status === 2).length),
    ]),
  );
});
