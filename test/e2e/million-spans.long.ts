/** One trace of a million spans is received, stored in blocks, found by every kind of query, and comes back whole. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { cpuMs, memoryMb } from '../../bench/processes.ts';
import { tableOf } from '../../bench/traffic.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { getJson, postSpans, request, startTestServer, type TestServer, temporaryFolder } from '../support/server.ts';
import { largeTrace } from '../ui/trace-spans.ts';

const spanCount = 1_000_000;
const traceId = '0af7651916cd43dd8448eb211c80319c';
const startMs = Date.now() - 120_000;
const folder = temporaryFolder('million');
const unlimited = { ingestion: { rate_limit_bytes: 0, max_traces_per_user: 0 }, global: { max_bytes_per_trace: 0 } };
const config = {
  live_store: { max_block_duration: '2s' },
  overrides: { defaults: unlimited },
  // Until it is told to.
  compactor: { disabled: true },
};
const compacting = {
  ...config,
  compactor: { disabled: false },
  backend_worker: { compaction: { settle_duration: '0s', max_block_spans: 2 << 20 } },
  backend_scheduler: {
    maintenance_interval: '1s',
    provider: { compaction: { min_input_blocks_open_window: 2 } },
  },
};
let server: TestServer;

before(async () => {
  server = await startTestServer({ dataFolder: folder.path, config });
});
after(async () => {
  await server.stop();
  folder.remove();
});

const seconds = (ms: number): string => (ms / 1000).toFixed(1);
const range = `start=${Math.floor(startMs / 1000) - 60}&end=${Math.ceil(startMs / 1000) + 300}`;

async function metric(name: string): Promise<number> {
  const text = (await request(`${server.http}/metrics`)).body.toString();
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? ([\\d.e+]+)$`, 'm').exec(text)?.[1]);
}

interface Found {
  readonly traces: readonly { readonly traceID: string; readonly spanSets?: readonly { readonly matched: number }[] }[];
}

const search = async (query: string): Promise<Found> =>
  getJson<Found>(`${server.http}/api/search?q=${encodeURIComponent(query)}&${range}&limit=5`);

async function checkQueries(): Promise<void> {
  for (const [query, matched] of [
    ['{ }', spanCount],
    ['{ span.item = 777777 }', 1],
    ['{ status = error }', spanCount / 500],
    ['{ nestedSetParent < 0 } >> { span.item = 999999 }', 1],
    [`{ } | count() >= ${spanCount}`, spanCount],
  ] as const) {
    const { traces } = await search(query);
    assert.deepEqual(
      traces.map((trace) => [trace.traceID.padStart(32, '0'), trace.spanSets?.[0]?.matched]),
      [[traceId, matched]],
      query,
    );
  }
  const q = encodeURIComponent('{ } | count_over_time()');
  const { series } = await getJson<{ series: { samples: { value?: number }[] }[] }>(
    `${server.http}/api/metrics/query_range?q=${q}&${range}&step=60s`,
  );
  assert.equal(
    series.flatMap(({ samples }) => samples).reduce((sum, { value = 0 }) => sum + value, 0),
    spanCount,
  );
}

/** Every span once, with its values. */
async function checkTrace(): Promise<void> {
  const { status, body } = await request(`${server.http}/api/traces/${traceId}`, {
    headers: { accept: 'application/protobuf' },
  });
  assert.equal(status, 200);
  const table = tableOf([body]);
  assert.equal(table.spanCount, spanCount);
  assert.equal(table.traceCount, 1);
  const seen = new Uint8Array(spanCount);
  // The low half of an id, whose bytes stand in the order of the wire.
  const ids = Buffer.from(table.spanId.buffer, table.spanId.byteOffset, spanCount * 8);
  for (let span = 0; span < spanCount; span++) seen[ids.readUInt32BE(span * 8 + 4) - 1] = 1;
  assert.equal(seen.indexOf(0), -1, 'a span is missing');
}

async function check(t: { diagnostic(text: string): void }, where: string): Promise<void> {
  for (const [what, run] of [
    ['queries', checkQueries],
    ['trace by id', checkTrace],
  ] as const) {
    const before = [performance.now(), cpuMs(server.pid)] as const;
    await run();
    const [took, cpu] = [performance.now() - before[0], cpuMs(server.pid) - before[1]];
    t.diagnostic(`${where}, ${what}: ${seconds(took)} s, CPU ${seconds(cpu)} s`);
  }
  t.diagnostic(`${where}: peak ${memoryMb(server.pid).peak.toFixed(0)} MB`);
}

test('it is received', { timeout: 600_000 }, async (t) => {
  const before = [performance.now(), cpuMs(server.pid)] as const;
  for (const spans of largeTrace(traceId, BigInt(startMs) * 1_000_000n, spanCount))
    assert.equal(await postSpans(server.otlpHttp, plainSpansToOtlp(spans)), 200);
  t.diagnostic(`${seconds(performance.now() - before[0])} s, CPU ${seconds(cpuMs(server.pid) - before[1])} s`);
});

test('it is found and comes back while parts of it are live', { timeout: 600_000 }, async (t) => {
  await check(t, 'live and blocks');
});

test('it is found and comes back from blocks alone', { timeout: 600_000 }, async (t) => {
  while ((await metric('rubato_live_spans')) > 0) await setTimeout(500);
  await server.stop();
  server = await startTestServer({ dataFolder: folder.path, config });
  assert((await blockCount()) > 1);
  await check(t, 'several blocks');
});

test('it is found and comes back after compaction', { timeout: 600_000 }, async (t) => {
  await server.stop();
  server = await startTestServer({ dataFolder: folder.path, config: compacting });
  while ((await blockCount()) > 1) await setTimeout(500);
  await check(t, 'one block');
});

async function blockCount(): Promise<number> {
  // The reader learns of blocks when it is asked.
  await search('{ span.item = 1 }');
  return metric('tempodb_blocklist_length');
}
