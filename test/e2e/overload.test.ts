/** Senders that are faster than the machine: memory stays bounded, answers are 200 or 429, what was acknowledged is there. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { randomHex, SeededRng } from '../../src/base/random.ts';
import { plainResource, plainSpan } from '../../src/model/plain-span.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { getJson, postSpans, startTestServer, temporaryFolder } from '../support/server.ts';

const connections = 32;
const floodMs = 1500;
const spansPerRequest = 4000;
/** Kilobytes; the bound on unanswered bodies alone is 48 MiB. */
const residentKbMax = 600_000;

/** Two megabytes of spans that look like others but for their ids. */
function body(rng: SeededRng, padding: string): Uint8Array {
  const resource = plainResource({ attributes: [{ key: 'service.name', value: { type: 'string', value: 'flood' } }] });
  const start = BigInt(Date.now()) * 1_000_000n;
  return plainSpansToOtlp(
    Array.from({ length: spansPerRequest }, () =>
      plainSpan({
        traceId: randomHex(rng, 16),
        spanId: randomHex(rng, 8),
        name: 'flood',
        startTimeUnixNano: start,
        endTimeUnixNano: start + 1000n,
        attributes: [{ key: 'padding', value: { type: 'string', value: padding } }],
        resource,
      }),
    ),
  );
}

test('a flood costs its senders time and not us memory', {
  skip: process.platform === 'linux' ? false : 'SKIPPED: reads /proc',
}, async () => {
  const folder = temporaryFolder('overload');
  const server = await startTestServer({ dataFolder: folder.path });
  try {
    const rng = new SeededRng(7);
    const bodies = Array.from({ length: 4 }, (_, i) => body(rng, String(i).repeat(400)));
    const statuses = new Map<number, number>();
    const startSeconds = Math.floor(Date.now() / 1000) - 5;
    const until = Date.now() + floodMs;
    const acknowledged = new Set<number>();
    await Promise.all(
      Array.from({ length: connections }, async (_, i) => {
        while (Date.now() < until) {
          // A refusal that comes before the body was sent ends the connection; a sender may see only that.
          const status = await postSpans(server.otlpHttp, bodies[i % bodies.length]!).catch(() => 429);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          if (status === 200) acknowledged.add(i % bodies.length);
        }
      }),
    );
    assert.deepEqual(
      [...statuses.keys()].filter((status) => status !== 200 && status !== 429),
      [],
    );
    assert.ok((statuses.get(200) ?? 0) > 0, 'some got through');
    const peakKb = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]);
    assert.ok(peakKb < residentKbMax, `peak memory ${peakKb} kB; answers ${JSON.stringify([...statuses])}`);
    // The same spans were sent many times; each counts once.
    const query = encodeURIComponent('{ resource.service.name = "flood" } | count_over_time()');
    const end = Math.ceil(Date.now() / 1000) + 5;
    const url = `${server.http}/api/metrics/query?q=${query}&start=${startSeconds}&end=${end}`;
    const answer = await getJson<{ series: { value: number }[] }>(url);
    assert.equal(answer.series[0]?.value, acknowledged.size * spansPerRequest);
  } finally {
    await server.kill();
    folder.remove();
  }
});
