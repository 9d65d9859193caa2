/**
 * Does it stay fast as data grows? The real server over 1, 10 and 100 blocks of demo traffic: start, traces by id, newest
 * traces, full scans, memory.
 *
 *   node bench/scale.ts [blocks = 1,10,100] [--spans=20000] [--traces=200] [--full]
 *
 * `--spans` is spans a block; `--full` stands for 100,000, which makes 10 million in 100 blocks. Blocks are made once and kept in a
 * folder of the system's temporary one (`--full`: 250 MB); times are those of HTTP answers on the loopback. Prints a table
 * and, as the last line, JSON. Exits with 1 when growth is worse than it should be.
 */
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/base/clock.ts';
import { SeededRng, systemRng } from '../src/base/random.ts';
import { newBlockId } from '../src/block/block-id.ts';
import { buildBlockOf } from '../src/block/build.ts';
import { type BlockMeta, ManifestStore } from '../src/block/manifest.ts';
import { blockFileKey } from '../src/block/manifest-keys.ts';
import { packIndexes } from '../src/block/pack-indexes.ts';
import { ShopTraffic } from '../src/cli/demo/traffic.ts';
import { SpanTable, type SpanTableData } from '../src/model/span-table.ts';
import { LocalObjectStore } from '../src/objectstore/local.ts';
import { plainSpansToOtlp } from '../src/protocol/otlp/encode-plain.ts';
import { OtlpScanner } from '../src/protocol/otlp/scan.ts';
import { request, startTestServer, type TestServer } from '../test/support/server.ts';

const { values: flags, positionals } = parseArgs({
  options: {
    spans: { type: 'string', default: '20000' },
    traces: { type: 'string', default: '200' },
    full: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const blockCounts = (positionals[0] ?? '1,10,100').split(',').map(Number);
const spansPerBlock = flags.full ? 100_000 : Number(flags.spans);
const lookups = Number(flags.traces);

const tenant = 'single-tenant';
/** Changes when the kept blocks cannot be used any more. */
const dataVersion = 2;
const blockSeconds = 60;
const newestUnixNano = 1_700_000_000_000_000_000n;

/** Traffic of one block; the blocks are this one, moved in time and with other ids. */
function makeTemplate(): SpanTableData {
  const table = new SpanTable(spansPerBlock);
  const scanner = new OtlpScanner(table);
  const traffic = new ShopTraffic(new SeededRng(1));
  const rng = new SeededRng(2);
  while (table.spanCount < spansPerBlock) {
    const start = newestUnixNano + BigInt(Math.floor(rng.float() * blockSeconds * 1e9));
    scanner.scan(plainSpansToOtlp(traffic.visit(start)));
  }
  return table.share();
}

/** Block `k` of the past. */
function variant(data: SpanTableData, k: number): SpanTableData {
  const moved = (words: Uint32Array, count: number): Uint32Array => {
    const out = words.slice(0, count * 2);
    const times = new BigUint64Array(out.buffer);
    for (let i = 0; i < count; i++) times[i]! -= BigInt(k * blockSeconds) * 1_000_000_000n;
    return out;
  };
  const renamed = (words: Uint32Array, count: number, width: number): Uint32Array => {
    const out = words.slice(0, count * width);
    for (let i = 0; i < out.length; i += width) if (out[i] !== 0 || out[i + 1] !== 0) out[i]! ^= k;
    return out;
  };
  return {
    ...data,
    traceIds: renamed(data.traceIds, data.traceCount, 4),
    spanId: renamed(data.spanId, data.spanCount, 2),
    parentId: renamed(data.parentId, data.spanCount, 2),
    start: moved(data.start, data.spanCount),
    end: moved(data.end, data.spanCount),
    eventTime: moved(data.eventTime, data.eventCount),
  };
}

interface Made {
  readonly blocks: (Omit<BlockMeta, 'minStartUnixNano' | 'maxEndUnixNano'> & { start: string; end: string })[];
  /** Some trace ids of the template, by which those of every block are known. */
  readonly traceIds: string[];
}

const idOf = (templateId: string, k: number): string => {
  const bytes = Buffer.from(templateId, 'hex');
  bytes.writeUInt32LE((bytes.readUInt32LE(0) ^ k) >>> 0, 0);
  return bytes.toString('hex');
};

async function makeBlocks(count: number): Promise<{ root: string; made: Made }> {
  const root = path.join(tmpdir(), `rubato-scale-${dataVersion}-${spansPerBlock}`);
  const list = path.join(root, 'blocks.json');
  if (existsSync(list)) {
    const made = JSON.parse(readFileSync(list, 'utf8')) as Made;
    if (made.blocks.length >= count) return { root, made };
  }
  rmSync(root, { recursive: true, force: true });
  const template = makeTemplate();
  const ids = Buffer.from(template.traceIds.slice(0, template.traceCount * 4).buffer);
  const traceIds = Array.from({ length: 500 }, (_, i) => {
    const at = ((i * 7919) % template.traceCount) * 16;
    return ids.toString('hex', at, at + 16);
  });
  const made: Made = { blocks: [], traceIds };
  for (let k = 0; k < count; k++) {
    const { parts, minStartUnixNano, maxEndUnixNano, ...summary } = buildBlockOf(variant(template, k));
    const id = newBlockId(1_700_000_000_000 + k, new SeededRng(k));
    for (const [file, bytes] of parts) {
      const target = path.join(root, 'files', blockFileKey(tenant, id, file));
      mkdirSync(path.dirname(target), { recursive: true });
      writeFileSync(target, Buffer.concat(bytes));
    }
    const times = { start: String(minStartUnixNano), end: String(maxEndUnixNano) };
    made.blocks.push({ id, ...summary, ...times, level: 0, createdUnixMs: 1_700_000_000_000 });
  }
  writeFileSync(`${list}~`, JSON.stringify(made));
  renameSync(`${list}~`, list);
  return { root, made };
}

/** A data folder with the first blocks. */
async function makeFolder(root: string, { blocks }: Made, count: number): Promise<string> {
  const folder = path.join(root, `run-${count}`);
  rmSync(folder, { recursive: true, force: true });
  const used = blocks.slice(0, count);
  for (const { id, files } of used) {
    for (const file of Object.keys(files)) {
      const key = blockFileKey(tenant, id, file);
      const target = path.join(folder, 'data', key);
      mkdirSync(path.dirname(target), { recursive: true });
      linkSync(path.join(root, 'files', key), target);
    }
  }
  const options = { root: path.join(folder, 'data'), clock: systemClock, rng: systemRng };
  const store = await LocalObjectStore.open(options);
  const manifest = new ManifestStore(store, systemClock, systemRng);
  const add = used.map(({ start, end, ...meta }) => ({
    ...meta,
    minStartUnixNano: BigInt(start),
    maxEndUnixNano: BigInt(end),
  }));
  const state = await manifest.commit(tenant, () => ({ add }));
  await packIndexes({ store, manifest, clock: systemClock, rng: systemRng }, state);
  return folder;
}

interface Times {
  readonly firstMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the server a call, all threads: what other work on the machine disturbs little. */
  readonly cpuMs: number;
}

/** User and system time of a process; counted in ticks of 10 ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function measure(pid: number, count: number, run: (i: number) => Promise<void>): Promise<Times> {
  const times: number[] = [];
  const cpuBefore = cpuMs(pid);
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await run(i);
    times.push(performance.now() - start);
  }
  const firstMs = times[0]!;
  times.sort((a, b) => a - b);
  const p99Ms = times[Math.floor(times.length * 0.99)]!;
  return { firstMs, p50Ms: times[times.length >> 1]!, p99Ms, cpuMs: (cpuMs(pid) - cpuBefore) / count };
}

async function get(url: string): Promise<string> {
  const { status, body } = await request(url);
  if (status !== 200) throw new Error(`GET ${url}: status ${status}: ${body.toString().slice(0, 300)}`);
  return body.toString();
}

function memoryMb(pid: number): { rss: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kb = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
  return { rss: kb('VmRSS') / 1024, peak: kb('VmHWM') / 1024 };
}

const range = `start=${newestUnixNano / 1_000_000_000n - 80_000n}&end=${newestUnixNano / 1_000_000_000n + 3_600n}`;

async function measureServer(server: TestServer, blocks: number, traceIds: readonly string[]) {
  const search = (q: string, limit: number) =>
    get(`${server.http}/api/search?q=${encodeURIComponent(q)}&limit=${limit}&${range}`);
  const newest = await measure(server.pid, 20, async () => {
    const { traces } = JSON.parse(await search('{ }', 20)) as { traces: unknown[] };
    if (traces.length !== 20) throw new Error(`${traces.length} traces`);
  });
  const trace = await measure(server.pid, lookups, async (i) => {
    const k = (i * 31) % blocks;
    const body = await get(`${server.http}/api/traces/${idOf(traceIds[i % traceIds.length]!, k)}`);
    if (!body.includes('spans')) throw new Error('no spans');
  });
  const unknown = await measure(server.pid, 50, async (i) => {
    const { status } = await request(`${server.http}/api/traces/${(i + 1).toString(16).padStart(32, 'f')}`);
    if (status !== 404) throw new Error(`status ${status}`);
  });
  const scan = await measure(server.pid, 5, async () => {
    await search('{ span.http.response.status_code = 599 }', 20);
  });
  const group = await measure(server.pid, 5, async (i) => {
    // Another limit each time, or the answer would be a kept one.
    const q = encodeURIComponent(`{ duration > ${i}ns } | rate() by (resource.service.name)`);
    await get(`${server.http}/api/metrics/query_range?q=${q}&step=60s&${range}`);
  });
  return { newest, trace, unknown, scan, group };
}

async function run(root: string, made: Made, blocks: number) {
  const folder = await makeFolder(root, made, blocks);
  const started = performance.now();
  const server = await startTestServer({ dataFolder: folder, config: { compactor: { disabled: true } } });
  const readyMs = performance.now() - started;
  const readyCpuMs = cpuMs(server.pid);
  try {
    const times = await measureServer(server, blocks, made.traceIds);
    return { blocks, spans: blocks * spansPerBlock, readyMs, readyCpuMs, ...times, memory: memoryMb(server.pid) };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Result = Awaited<ReturnType<typeof run>>;

function printTable(results: readonly Result[]): void {
  const cell = (value: number) => value.toFixed(value < 100 ? 2 : 0).padStart(10);
  const row = (name: string, of: (result: Result) => number) =>
    console.log(`${name.padEnd(34)}${results.map((result) => cell(of(result))).join('')}`);
  console.log(`${'blocks'.padEnd(34)}${results.map(({ blocks }) => String(blocks).padStart(10)).join('')}`);
  console.log(`${'spans'.padEnd(34)}${results.map(({ spans }) => String(spans).padStart(10)).join('')}`);
  row('start to ready, ms', (r) => r.readyMs);
  row('start to ready, CPU ms', (r) => r.readyCpuMs);
  row('newest 20, first, ms', (r) => r.newest.firstMs);
  row('newest 20, p50, ms', (r) => r.newest.p50Ms);
  row('trace by id, p50, ms', (r) => r.trace.p50Ms);
  row('trace by id, p99, ms', (r) => r.trace.p99Ms);
  row('trace by id, CPU ms', (r) => r.trace.cpuMs);
  row('unknown trace id, p50, ms', (r) => r.unknown.p50Ms);
  row('one attribute, all spans, first, ms', (r) => r.scan.firstMs);
  row('one attribute, all spans, p50, ms', (r) => r.scan.p50Ms);
  row('one attribute, all spans, CPU ms', (r) => r.scan.cpuMs);
  row('rate by service, all spans, p50, ms', (r) => r.group.p50Ms);
  row('memory at the end, MB', (r) => r.memory.rss);
  row('memory at the peak, MB', (r) => r.memory.peak);
}

/** What must hold between the smallest and the largest. Times below a millisecond are noise. */
function complaints(results: readonly Result[]): string[] {
  const [small, large] = [results[0]!, results.at(-1)!];
  const grows = (name: string, of: (result: Result) => number, times: number) =>
    of(large) > Math.max(of(small), 1) * times
      ? [`${name} grows from ${of(small).toFixed(2)} to ${of(large).toFixed(2)} ms`]
      : [];
  const share = large.blocks / small.blocks;
  return [
    ...grows('trace by id', (r) => r.trace.p50Ms, 2),
    ...grows('newest 20', (r) => r.newest.p50Ms, 2),
    ...grows('one attribute', (r) => r.scan.p50Ms, share * 1.5),
    ...(large.readyMs > 1000 ? [`${large.readyMs.toFixed(0)} ms from start to ready`] : []),
  ];
}

const { root, made } = await makeBlocks(Math.max(...blockCounts));
const results: Result[] = [];
for (const blocks of blockCounts) results.push(await run(root, made, blocks));
printTable(results);
const problems = complaints(results);
for (const problem of problems) console.log(`! ${problem}`);
console.log(JSON.stringify({ spansPerBlock, results, problems }));
process.exitCode = problems.length > 0 ? 1 : 0;
