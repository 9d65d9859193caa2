/** What the server says of its own requests: exemplars, logs, and spans that it sends to itself. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { freePort, getJson, request, startTestServer, temporaryFolder } from '../support/server.ts';

const folder = temporaryFolder('self-telemetry');
const otlpPort = await freePort();
const server = await startTestServer({
  dataFolder: folder.path,
  distributor: { receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${otlpPort}` } } } } },
  config: { self_tracing: { endpoint: `http://127.0.0.1:${otlpPort}/v1/traces`, sampling_ratio: 0 } },
});
after(async () => {
  await server.kill();
  folder.remove();
});

const spanId = 'b7ad6b7169203331';
const traceId = (last: number): string => last.toString(16).padStart(32, 'a');
const traceparent = (trace: string, flags: string): Record<string, string> => ({
  traceparent: `00-${trace}-${spanId}-${flags}`,
});

interface Trace {
  readonly trace: { readonly resourceSpans?: { scopeSpans: { spans: { name: string; parentSpanId?: string }[] }[] }[] };
}

async function spansOf(trace: string): Promise<{ name: string; parentSpanId?: string }[]> {
  const { trace: found } = await getJson<Trace>(`${server.http}/api/v2/traces/${trace}`);
  return (found.resourceSpans ?? []).flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
}

test('a request of a recorded trace is in it with its stages, once, and causes no more spans', async () => {
  const trace = traceId(1);
  const search = `${server.http}/api/search?q=${encodeURIComponent('{ name = "x" }')}`;
  assert.equal((await request(search, { headers: traceparent(trace, '01') })).status, 200);
  assert.equal((await request(search, { headers: traceparent(traceId(2), '00') })).status, 200);
  assert.equal((await request(search)).status, 200);
  let spans: Awaited<ReturnType<typeof spansOf>> = [];
  for (const deadline = Date.now() + 30_000; spans.length === 0 && Date.now() < deadline; ) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    spans = await spansOf(trace).catch(() => []);
  }
  const names = spans.map(({ name }) => name);
  assert.ok(names.includes('GET /api/search'), names.join());
  assert.ok(names.includes('snapshot') && names.includes('live tables'), names.join());
  const root = spans.find(({ name }) => name === 'GET /api/search');
  assert.equal(Buffer.from(root!.parentSpanId!, 'base64').toString('hex'), spanId);
  const all = await getJson<{ traces: unknown[] }>(`${server.http}/api/search?q=${encodeURIComponent('{}')}`);
  assert.equal(all.traces.length, 1, 'neither what was not to be recorded, nor the sending itself');
});

test('/metrics is OpenMetrics for who asks, and a bucket’s exemplar is the trace of its last request', async () => {
  const trace = traceId(3);
  await request(`${server.http}/api/echo`, { headers: traceparent(trace, '00') });
  const page = await request(`${server.http}/metrics`, { headers: { accept: 'application/openmetrics-text' } });
  assert.match(page.headers['content-type'] ?? '', /^application\/openmetrics-text/);
  const text = page.body.toString();
  assert.ok(text.endsWith('\n# EOF\n'));
  assert.match(
    text,
    new RegExp(
      `^tempo_request_duration_seconds_bucket\\{[^}]*route="/api/echo"[^}]*\\} \\d+ # \\{trace_id="${trace}"\\} \\S+ \\S+$`,
      'm',
    ),
  );
  const declared = new Map<string, string>();
  for (const line of text.split('\n').slice(0, -2)) {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== undefined) {
      assert.ok(!declared.has(name), `${name} is declared once`);
      assert.ok(!name.endsWith('_total') || type !== 'counter', name);
      declared.set(name, type!);
    } else if (!line.startsWith('#')) {
      assert.match(line, /^\w+(\{.*?\})? \S+( # .*)?$/);
      const sample = /^\w+/.exec(line)![0];
      const family = [sample, sample.replace(/_(total|bucket|sum|count)$/, '')].find((each) => declared.has(each));
      assert.ok(family, `${sample} is declared`);
      if (declared.get(family!) === 'counter') assert.match(sample, /_total$/);
    }
  }
  const plain = await request(`${server.http}/metrics`);
  assert.match(plain.headers['content-type'] ?? '', /^text\/plain/);
  assert.doesNotMatch(plain.body.toString(), /trace_id=|# EOF/);
});
