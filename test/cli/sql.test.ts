import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { systemRng } from '../../src/base/random.ts';
import { newBlockId } from '../../src/block/block-id.ts';
import { buildBlockOf } from '../../src/block/build.ts';
import { ManifestStore } from '../../src/block/manifest.ts';
import { blockFileKey } from '../../src/block/manifest-keys.ts';
import { downloadedFiles, tableFiles } from '../../src/cli/sql/block-files.ts';
import { tablesOf } from '../../src/cli/sql/views.ts';
import { type PlainSpan, plainResource, plainSpan } from '../../src/model/plain-span.ts';
import { SpanTable } from '../../src/model/span-table.ts';
import { LocalObjectStore } from '../../src/objectstore/local.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { OtlpScanner } from '../../src/protocol/otlp/scan.ts';
import { temporaryFolder } from '../support/server.ts';
import { rubato } from './run.ts';

const folder = temporaryFolder('sql');
const data = path.join(folder.path, 'data');
let store: LocalObjectStore;
let manifest: ManifestStore;

const startUnixNano = 1_795_507_200_000_000_123n;
const id = (n: number, bytes: number): string => n.toString(16).padStart(bytes * 2, '0');

function span(n: number, parent: number, name: string, team: string): PlainSpan {
  return plainSpan({
    traceId: id(7 + (n >> 4), 16),
    spanId: id(n, 8),
    parentSpanId: parent === 0 ? '' : id(parent, 8),
    name,
    kind: 2,
    startTimeUnixNano: startUnixNano + BigInt(n) * 1_000n,
    endTimeUnixNano: startUnixNano + BigInt(n) * 2_000n,
    attributes: [{ key: 'n', value: { type: 'int', value: BigInt(n) } }],
    events: [{ timeUnixNano: startUnixNano + 5n, name: `event ${n}`, attributes: [], droppedAttributesCount: 0 }],
    links: [
      { traceId: id(99, 16), spanId: id(98, 8), traceState: '', attributes: [], droppedAttributesCount: 0, flags: 0 },
    ],
    resource: plainResource({ attributes: [{ key: 'team', value: { type: 'string', value: team } }] }),
  });
}

async function storeBlock(spans: readonly PlainSpan[]): Promise<void> {
  const table = new SpanTable();
  new OtlpScanner(table).scan(plainSpansToOtlp(spans));
  const blockId = newBlockId(systemClock.nowMs(), systemRng);
  const { parts, ...summary } = buildBlockOf(table.share());
  for (const [file, bytes] of parts) await store.put(blockFileKey('single-tenant', blockId, file), bytes);
  const meta = { id: blockId, ...summary, level: 0, createdUnixMs: systemClock.nowMs() };
  await manifest.commit('single-tenant', () => ({ add: [meta], remove: [] }));
}

before(async () => {
  store = await LocalObjectStore.open({ root: data, clock: systemClock, rng: systemRng });
  manifest = new ManifestStore(store, systemClock, systemRng);
  await storeBlock([span(1, 0, 'root', 'a'), span(2, 1, 'child', 'b'), span(3, 77, 'lost', 'b')]);
  // The same row numbers again, with another attribute.
  await storeBlock([span(17, 0, 'root', 'c'), span(18, 17, "child's child", 'c')]);
});
after(folder.remove);

async function rows(statement: string, ...flags: string[]): Promise<Record<string, unknown>[]> {
  const { code, out, err } = await rubato(['sql', '--data', data, '--json', ...flags, statement]);
  assert.equal(code, 0, err);
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('spans of all blocks stand beside their resources, with ids and times for people', async () => {
  assert.deepEqual(
    await rows(`SELECT trace_id, span_id, name, kind, "span.n" AS n, "resource.team" AS team, CAST(start AS VARCHAR) AS start,
                duration_nano AS d FROM spans WHERE name = 'child'`),
    [
      {
        trace_id: id(7, 16),
        span_id: id(2, 8),
        name: 'child',
        kind: 'server',
        n: '2',
        team: 'b',
        start: '2026-11-24 08:00:00.000002123',
        d: '2000',
      },
    ],
  );
  assert.deepEqual(await rows('SELECT "resource.team" AS team, count(*)::INT AS c FROM spans GROUP BY 1 ORDER BY 1'), [
    { team: 'a', c: 1 },
    { team: 'b', c: 2 },
    { team: 'c', c: 2 },
  ]);
});

test('parents are those of the same block, and ids of missing ones are there', async () => {
  assert.deepEqual(
    await rows('SELECT span_id, parent_id FROM spans JOIN parents USING (block, span) ORDER BY 1'),
    [
      [1, null],
      [2, 1],
      [3, 77],
      [17, null],
      [18, 17],
    ].map(([child, parent]) => ({ span_id: id(child!, 8), parent_id: parent === null ? null : id(parent!, 8) })),
  );
});

test('events, links, traces and the files as they are', async () => {
  assert.deepEqual(await rows(`SELECT name, CAST(time AS VARCHAR) AS t FROM events WHERE span_id = '${id(2, 8)}'`), [
    { name: 'event 2', t: '2026-11-24 08:00:00.000000128' },
  ]);
  assert.deepEqual(await rows('SELECT DISTINCT linked_trace_id AS t FROM links'), [{ t: id(99, 16) }]);
  assert.deepEqual(await rows('SELECT trace_id, span_count AS n FROM traces ORDER BY 1'), [
    { trace_id: id(7, 16), n: 3 },
    { trace_id: id(8, 16), n: 2 },
  ]);
  assert.deepEqual(await rows('SELECT count(DISTINCT block)::INT AS blocks FROM raw.spans'), [{ blocks: 2 }]);
});

test('a table for people, and words for what is wrong', async () => {
  const { code, out } = await rubato(['sql', '--data', data, 'SELECT name, "span.n" FROM spans ORDER BY span_id']);
  assert.equal(code, 0);
  assert.match(out, /^name +span\.n\nroot +1\nchild +2\nlost +3\nroot +17\nchild's child +18\n5 rows\n$/);
  const failed = async (...argv: string[]) => {
    const result = await rubato(['sql', ...argv]);
    assert.notEqual(result.code, 0);
    return result.err;
  };
  assert.match(await failed('--data', data, 'SELECT nope FROM spans'), /column "nope" not found/i);
  assert.match(await failed('--data', data, 'SELEC 1'), /syntax error/);
  assert.match(await failed('--data', data, '--tenant', 'b', 'SELECT 1'), /tenant b has no blocks/);
  assert.match(await failed('--data', data, '--start', '0', '--end', '5', 'FROM spans'), /none of the 2 blocks/);
  assert.match(await failed('--data', path.join(data, 'nope'), 'FROM spans'), /there is no folder/);
  assert.match(await failed('--data', data), /STATEMENT is missing/);
});

test('of a bucket only the tables that a query names are downloaded, once', async () => {
  const cache = path.join(folder.path, 'cache');
  const { blocks } = await manifest.load('single-tenant');
  const metas = [...blocks.values()];
  const files = downloadedFiles(store, cache);
  const tables = tablesOf('SELECT count(*) FROM traces');
  const first = await tableFiles(files, 'single-tenant', metas, tables);
  assert.deepEqual([first.files.traces.length, first.files.spans.length], [2, 0]);
  const [file = ''] = first.files.traces;
  assert.ok(existsSync(file));
  assert.deepEqual(readdirSync(path.dirname(file)), ['traces.parquet']);
  // What is there is not asked for again.
  const none = downloadedFiles({ ...store, get: () => Promise.reject(new Error('asked')) } as never, cache);
  assert.deepEqual(
    (await tableFiles(none, 'single-tenant', metas, tables)).files.traces.toSorted(),
    [...first.files.traces].sort(),
  );
  rmSync(cache, { recursive: true });
});
