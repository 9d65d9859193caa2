/**
 * Kills the server with SIGKILL at random moments under load, again and again over the same data, and checks after each
 * restart that
 *   - every acknowledged request is there, each of its spans exactly once, by metrics and by id,
 *   - a request that was not acknowledged is there whole or not at all,
 *   - another restart changes nothing.
 * Tables are cut small, so that the kills also hit block building, commits and the deletion of segments.
 */
import assert from 'node:assert/strict';
import { randomHex, SeededRng } from '../../src/base/random.ts';
import { plainResource, plainSpan } from '../../src/model/plain-span.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { getJson, postSpans, startTestServer, type TestServer, temporaryFolder } from '../support/server.ts';

const senders = 4;
const tracesPerRequest = 10;
const spansPerTrace = 6;
const spansPerRequest = tracesPerRequest * spansPerTrace;

interface Sent {
  readonly id: string;
  readonly traceIds: readonly string[];
  acknowledged: boolean;
}

const config = { live_store: { max_block_spans: 1500, max_block_duration: '1s' } };

export async function crashRounds(rounds: number, seed: number): Promise<void> {
  const rng = new SeededRng(seed);
  const folder = temporaryFolder('crash');
  const sent: Sent[] = [];
  const start = (): Promise<TestServer> => startTestServer({ dataFolder: folder.path, config });
  let server = await start();
  try {
    const firstUnixSeconds = Math.floor(Date.now() / 1000) - 5;
    for (let round = 0; round < rounds; round++) {
      const killAfterMs = 100 + rng.float() * 1900;
      const load = underLoad(server, rng, sent);
      await new Promise((resolve) => setTimeout(resolve, killAfterMs));
      await server.kill();
      await load;
      server = await start();
      await check(server, sent, firstUnixSeconds, rng, `round ${round}, seed ${seed}`);
    }
    assert.ok(
      sent.some((request) => request.acknowledged),
      'the load got through',
    );
    assert.equal(await server.stop(), 0);
    server = await start();
    await check(server, sent, firstUnixSeconds, rng, 'after a graceful restart');
  } catch (error) {
    console.error(`data is kept in ${folder.path}\n${server.log()}`);
    throw error;
  } finally {
    await server.kill();
  }
  folder.remove();
}

/** Sends until the server is gone. */
async function underLoad(server: TestServer, rng: SeededRng, sent: Sent[]): Promise<void> {
  await Promise.all(
    Array.from({ length: senders }, async () => {
      for (;;) {
        const request: Sent = {
          id: randomHex(rng, 8),
          traceIds: Array.from({ length: tracesPerRequest }, () => randomHex(rng, 16)),
          acknowledged: false,
        };
        sent.push(request);
        try {
          request.acknowledged = (await postSpans(server.otlpHttp, body(request, rng))) === 200;
        } catch {
          return;
        }
      }
    }),
  );
}

function body(request: Sent, rng: SeededRng): Uint8Array {
  const resource = plainResource({ attributes: [{ key: 'service.name', value: { type: 'string', value: 'crash' } }] });
  const now = BigInt(Date.now()) * 1_000_000n;
  const spans = request.traceIds.flatMap((traceId) => {
    let parentSpanId = '';
    return Array.from({ length: spansPerTrace }, (_, i) => {
      const spanId = randomHex(rng, 8);
      const span = plainSpan({
        traceId,
        spanId,
        parentSpanId,
        name: `step ${i}`,
        kind: 2,
        startTimeUnixNano: now + BigInt(i * 1000),
        endTimeUnixNano: now + BigInt(100_000 - i * 1000),
        attributes: [{ key: 'request.id', value: { type: 'string', value: request.id } }],
        resource,
      });
      parentSpanId = spanId;
      return span;
    });
  });
  return plainSpansToOtlp(spans);
}

interface MetricsAnswer {
  readonly series?: readonly {
    readonly labels: readonly { key: string; value: { stringValue?: string } }[];
    readonly value?: number;
  }[];
}

async function check(
  server: TestServer,
  sent: readonly Sent[],
  start: number,
  rng: SeededRng,
  when: string,
): Promise<void> {
  const query = encodeURIComponent('{ } | count_over_time() by (span.request.id)');
  const end = Math.ceil(Date.now() / 1000) + 5;
  const answer = await getJson<MetricsAnswer>(`${server.http}/api/metrics/query?q=${query}&start=${start}&end=${end}`);
  const counts = new Map(
    (answer.series ?? []).map((series) => [series.labels[0]?.value.stringValue, series.value ?? 0]),
  );
  for (const request of sent) {
    const count = counts.get(request.id) ?? 0;
    if (request.acknowledged) assert.equal(count, spansPerRequest, `${when}: acknowledged request ${request.id}`);
    else assert.ok(count === 0 || count === spansPerRequest, `${when}: request ${request.id} shows ${count} spans`);
    counts.delete(request.id);
  }
  counts.delete('nil');
  assert.deepEqual([...counts.keys()], [], `${when}: only what was sent is there`);
  const acknowledged = sent.filter((request) => request.acknowledged);
  for (let i = 0; i < 20 && acknowledged.length > 0; i++) {
    // The newest ones are those a crash endangers most.
    const back = Math.floor(rng.float() ** 3 * acknowledged.length);
    const request = acknowledged[acknowledged.length - 1 - back]!;
    const traceId = request.traceIds[rng.uint32() % tracesPerRequest]!;
    const trace = await getJson<{ trace?: { resourceSpans?: { scopeSpans: { spans: { spanId: string }[] }[] }[] } }>(
      `${server.http}/api/v2/traces/${traceId}`,
    );
    const ids = (trace.trace?.resourceSpans ?? []).flatMap((rs) =>
      rs.scopeSpans.flatMap((ss) => ss.spans.map((s) => s.spanId)),
    );
    assert.equal(ids.length, spansPerTrace, `${when}: spans of trace ${traceId}`);
    assert.equal(new Set(ids).size, spansPerTrace);
  }
}
