/** Heavy queries on the real server do not hold up those who send spans. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { postSpans, request, startTestServer, temporaryFolder } from '../support/server.ts';
import { manySpans } from './many-spans.ts';

const traceCount = 5000;
/** Keeps a processor and the memory busy, as a query does, but in a process of its own. */
const busyProgram = 'for (;;) { const list = []; for (let i = 0; i < 1e5; i++) list.push({ i }); }';

const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!;

/** Milliseconds until each of `count` small requests is acknowledged, one every 20 ms, sorted. */
async function acknowledged(url: string, count: number, startSeconds: number): Promise<number[]> {
  const body = plainSpansToOtlp(manySpans(3, startSeconds));
  const times: number[] = [];
  const calls: Promise<void>[] = [];
  for (let k = 0; k < count; k++) {
    const startMs = performance.now();
    calls.push(
      postSpans(url, body).then((status) => {
        assert.equal(status, 200);
        times.push(performance.now() - startMs);
      }),
    );
    await sleep(20);
  }
  await Promise.all(calls);
  return times.sort((a, b) => a - b);
}

test('spans are acknowledged within 200 ms while a heavy compare() runs', { timeout: 120_000 }, async (context) => {
  const folder = temporaryFolder('ingest-latency');
  context.after(folder.remove);
  const server = await startTestServer({ dataFolder: folder.path });
  context.after(() => server.kill());
  const startSeconds = Math.floor(Date.now() / 1000) - traceCount / 2 - 60;
  const spans = manySpans(traceCount, startSeconds);
  for (let at = 0; at < spans.length; at += 7000)
    assert.equal(await postSpans(server.otlpHttp, plainSpansToOtlp(spans.slice(at, at + 7000))), 200);
  const nowSeconds = Math.floor(Date.now() / 1000) - 30;
  const other = spawn(process.execPath, ['-e', busyProgram], { stdio: 'ignore' });
  context.after(() => other.kill('SIGKILL'));
  const beside = await acknowledged(server.otlpHttp, 200, nowSeconds);
  other.kill('SIGKILL');

  let running = true;
  let queries = 0;
  const heavy = async (): Promise<void> => {
    const q = encodeURIComponent('{ } | compare({ status = error })');
    while (running) {
      // The end differs, so that no answer is one of before.
      const range = `start=${startSeconds}&end=${startSeconds + 4000 + queries}`;
      const { status } = await request(`${server.http}/api/metrics/query_range?q=${q}&${range}&step=10`);
      assert.equal(status, 200);
      queries++;
    }
  };
  const busy = [heavy(), heavy()];
  const times = await acknowledged(server.otlpHttp, 200, nowSeconds);
  running = false;
  await Promise.all(busy);
  const [control, during] = [quantile(beside, 0.99), quantile(times, 0.99)];
  context.diagnostic(
    `p99 ${during.toFixed(0)} ms during ${queries} queries, ${control.toFixed(0)} ms beside a busy process; ` +
      `medians ${quantile(times, 0.5).toFixed(0)} and ${quantile(beside, 0.5).toFixed(0)} ms`,
  );
  assert.ok(queries >= 3, `${queries} queries`);
  // Where processors are short, whatever is busy delays everything: queries may not do so more than others.
  assert.ok(during < Math.max(200, control * 8), `${during} ms, ${control} ms beside a busy process`);
});
