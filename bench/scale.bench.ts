/**
 * Does it stay fast as data grows? The server over 1, 10 and 100 blocks of 100,000 spans: start, traces by id, newest
 * traces, full scans, memory. `--full`: also over the same 10 million spans in 10 blocks, as compaction makes them.
 * Times are those of HTTP answers on the loopback. Fails when growth is worse than it should be.
 */
import { rmSync } from 'node:fs';
import { request, type TestServer } from '../test/support/server.ts';
import { type Bench, type Figure, runIfMain } from './measure.ts';
import { cpuMs, memoryMb } from './processes.ts';
import { type Blocks, idOf, makeBlocks, makeFolder } from './scale-blocks.ts';
import { startServer, untilIdle } from './server.ts';
import { newestUnixNano } from './traffic.ts';

/** Of calls after the first; CPU in steps of 10 ms in all. */
interface Times {
  readonly firstMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the server a call, all threads: what other work on the machine disturbs little. */
  readonly cpuMs: number;
}

async function measure(pid: number, count: number, run: (i: number) => Promise<void>): Promise<Times> {
  const times: number[] = [];
  let cpuAfterFirst = 0;
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await run(i);
    times.push(performance.now() - start);
    if (i === 0) cpuAfterFirst = cpuMs(pid);
  }
  const [firstMs = 0, ...later] = times;
  const sorted = (later.length > 0 ? later : times).sort((a, b) => a - b);
  return {
    firstMs,
    p50Ms: sorted[sorted.length >> 1]!,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)]!,
    cpuMs: (cpuMs(pid) - cpuAfterFirst) / Math.max(1, later.length),
  };
}

async function get(url: string): Promise<string> {
  const { status, body } = await request(url);
  if (status !== 200) throw new Error(`GET ${url}: status ${status}: ${body.toString().slice(0, 300)}`);
  return body.toString();
}

/** Of all blocks, in seconds. */
const since = newestUnixNano / 1_000_000_000n - 80_000n;
const until = newestUnixNano / 1_000_000_000n + 3_600n;

/** In each block, before lookups are measured. */
const lookupsBefore = 10;

async function measureServer(server: TestServer, blocks: number, traces: number, { traceIds }: Blocks) {
  // Something is different each time, or the answer would be a kept one.
  const search = (q: string, limit: number, i: number) =>
    get(`${server.http}/api/search?q=${encodeURIComponent(q)}&limit=${limit}&start=${since}&end=${until + BigInt(i)}`);
  const newest = await measure(server.pid, 20, async (i) => {
    const { traces: found } = JSON.parse(await search('{ }', 20, i)) as { traces: unknown[] };
    if (found.length !== 20) throw new Error(`${found.length} traces`);
  });
  const lookUp = async (i: number, k: number): Promise<void> => {
    const body = await get(`${server.http}/api/traces/${idOf(traceIds[i % traceIds.length]!, k)}`);
    if (!body.includes('spans')) throw new Error('no spans');
  };
  // What a block keeps in memory for later lookups, its details and dictionaries, is read by the first ones.
  const firstOfBlock = await measure(server.pid, blocks, (i) => lookUp(i, i));
  for (let i = blocks; i < blocks * lookupsBefore; i++) await lookUp(i, i % blocks);
  const trace = await measure(server.pid, traces, (i) => lookUp(blocks * lookupsBefore + i, (i * 31) % blocks));
  const unknown = await measure(server.pid, 50, async (i) => {
    const { status } = await request(`${server.http}/api/traces/${(i + 1).toString(16).padStart(32, 'f')}`);
    if (status !== 404) throw new Error(`status ${status}`);
  });
  const scan = await measure(server.pid, 5, async (i) => {
    await search(`{ span.http.response.status_code = ${600 + i} }`, 20, 0);
  });
  const group = await measure(server.pid, 5, async (i) => {
    const q = encodeURIComponent(`{ duration > ${i}ns } | rate() by (resource.service.name)`);
    await get(`${server.http}/api/metrics/query_range?q=${q}&step=60s&start=${since}&end=${until}`);
  });
  return { newest, firstOfBlock, trace, unknown, scan, group };
}

async function run(blocks: number, spansPerBlock: number, calls: { starts: number; traces: number }) {
  const { root, made } = await makeBlocks(blocks, spansPerBlock);
  const folder = await makeFolder(root, made, blocks);
  const config = { compactor: { disabled: true } };
  try {
    const starts: { readyMs: number; readyCpuMs: number }[] = [];
    for (let i = 1; i < calls.starts; i++) {
      const { server, ...times } = await startServer(folder, config);
      starts.push(times);
      await server.stop();
    }
    const { server, ...times } = await startServer(folder, config);
    starts.push(times);
    try {
      await untilIdle(server);
      const answers = await measureServer(server, blocks, calls.traces, made);
      const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;
      return {
        blocks,
        spans: blocks * spansPerBlock,
        readyMs: median(starts.map(({ readyMs }) => readyMs)),
        readyCpuMs: median(starts.map(({ readyCpuMs }) => readyCpuMs)),
        ...answers,
        memory: memoryMb(server.pid),
      };
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type Result = Awaited<ReturnType<typeof run>>;

function figuresOf(result: Result): Figure[] {
  const { blocks, spans, newest, firstOfBlock, trace, unknown, scan, group, memory } = result;
  const figure = (name: string, value: number, unit = 'ms'): Figure => ({
    name: `${blocks} blocks, ${spans} spans: ${name}`,
    value,
    unit,
  });
  return [
    figure('start to ready, p50', result.readyMs),
    figure('start to ready, CPU', result.readyCpuMs),
    figure('newest 20, first', newest.firstMs),
    figure('newest 20, p50', newest.p50Ms),
    figure('newest 20, CPU', newest.cpuMs),
    figure('trace by id, first of a block, p50', firstOfBlock.p50Ms),
    figure('trace by id, first of a block, CPU', firstOfBlock.cpuMs),
    figure('trace by id, p50', trace.p50Ms),
    figure('trace by id, p99', trace.p99Ms),
    figure('trace by id, CPU', trace.cpuMs),
    figure('unknown trace id, p50', unknown.p50Ms),
    figure('one attribute of all spans, first', scan.firstMs),
    figure('one attribute of all spans, p50', scan.p50Ms),
    figure('one attribute of all spans, CPU', scan.cpuMs),
    figure('rate by service of all spans, p50', group.p50Ms),
    figure('memory at the end', memory.now, 'MB'),
    figure('memory at the peak', memory.peak, 'MB'),
  ];
}

const readyMsMax = 1_000;

/** What must hold between the smallest and the largest. Times below a millisecond are noise. */
function problemsOf(small: Result, large: Result): string[] {
  const grows = (name: string, of: (result: Result) => number, times: number): string[] =>
    of(large) > Math.max(of(small), 1) * times
      ? [`${name} grows from ${of(small).toFixed(2)} to ${of(large).toFixed(2)} ms over ${large.blocks} blocks`]
      : [];
  return [
    ...grows('trace by id', (r) => r.trace.p50Ms, 2),
    ...grows('newest 20', (r) => r.newest.p50Ms, 2),
    ...grows('one attribute', (r) => r.scan.p50Ms, (large.blocks / small.blocks) * 1.5),
    ...(large.readyMs > readyMsMax ? [`${large.readyMs.toFixed(0)} ms from start to ready`] : []),
  ];
}

export const bench: Bench = async (size) => {
  const quick = size === 'quick';
  const calls = quick ? { starts: 1, traces: 20 } : { starts: 5, traces: 200 };
  const results: Result[] = [];
  for (const blocks of quick ? [1, 5] : [1, 10, 100]) results.push(await run(blocks, quick ? 5_000 : 100_000, calls));
  const problems = quick ? [] : problemsOf(results[0]!, results.at(-1)!);
  if (size === 'full') results.push(await run(10, 1_000_000, calls));
  return { figures: results.flatMap(figuresOf), problems };
};

await runIfMain(import.meta, bench);
