/** Clients that applications have had for years deliver their spans over Jaeger and Zipkin, and find them again. */
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { SpanKind } from '@opentelemetry/api';
import { JaegerExporter } from '@opentelemetry/exporter-jaeger';
import { ZipkinExporter } from '@opentelemetry/exporter-zipkin';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, SimpleSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import { BatchRecorder, ExplicitContext, jsonEncoder, option, TraceId, Tracer } from 'zipkin';
import { HttpLogger } from 'zipkin-transport-http';
import { freePort, getJson, request, startTestServer, type TestServer, temporaryFolder } from '../support/server.ts';

/** It has no types of its own. */
interface JaegerClient {
  initTracer(config: object, options: object): JaegerTracer;
}
interface JaegerTracer {
  startSpan(name: string): JaegerSpan;
  close(done: () => void): void;
}
interface JaegerSpan {
  setTag(key: string, value: unknown): void;
  finish(): void;
  context(): { toTraceId(): string };
}
const jaeger = createRequire(import.meta.url)('jaeger-client') as JaegerClient;

const folder = temporaryFolder('receivers');
let server: TestServer;
let ports: { thriftHttp: number; udp: number; zipkin: number };
before(async () => {
  ports = { thriftHttp: await freePort(), udp: await freeUdpPort(), zipkin: await freePort() };
  const at = (port: number): string => `127.0.0.1:${port}`;
  server = await startTestServer({
    dataFolder: folder.path,
    receivers: {
      jaeger: {
        protocols: {
          thrift_http: { endpoint: at(ports.thriftHttp) },
          // What clients in JavaScript speak over UDP.
          thrift_binary: { endpoint: at(ports.udp) },
        },
      },
      zipkin: { endpoint: at(ports.zipkin), cors: { allowed_origins: ['https://*.example.org'] } },
    },
  });
});
after(async () => {
  await server.kill();
  folder.remove();
});

function freeUdpPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4');
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

interface Found {
  readonly batches: readonly {
    readonly resource: { readonly attributes: readonly { readonly key: string; readonly value: unknown }[] };
    readonly scopeSpans: readonly { readonly spans: readonly { readonly name: string; readonly kind: string }[] }[];
  }[];
}

/** Waits until a search finds the one trace of a service, and returns its one span. */
async function delivered(service: string, traceId?: string): Promise<{ name: string; kind: string }> {
  const query = encodeURIComponent(`{ resource.service.name = "${service}" }`);
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; ) {
    const end = Math.ceil(Date.now() / 1000) + 5;
    const { traces } = await getJson<{ traces?: { traceID: string }[] }>(
      `${server.http}/api/search?q=${query}&start=${end - 600}&end=${end}`,
    );
    if (traces !== undefined && traces.length > 0) {
      assert.equal(traces.length, 1);
      const found = traces[0]!.traceID;
      if (traceId !== undefined) assert.equal(found, traceId.replace(/^0+/, ''));
      const trace = await getJson<Found>(`${server.http}/api/traces/${found}`);
      const spans = trace.batches.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
      assert.equal(spans.length, 1);
      return spans[0]!;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no trace of ${service} arrived; the server says:\n${server.log()}`);
}

const exporters: Readonly<Record<string, () => SpanExporter>> = {
  'Jaeger exporter over UDP': () => new JaegerExporter({ host: '127.0.0.1', port: ports.udp }),
  'Jaeger exporter over HTTP': () =>
    new JaegerExporter({ endpoint: `http://127.0.0.1:${ports.thriftHttp}/api/traces` }),
  'Zipkin exporter': () => new ZipkinExporter({ url: `http://127.0.0.1:${ports.zipkin}/api/v2/spans` }),
};

for (const [name, create] of Object.entries(exporters)) {
  test(`OpenTelemetry's ${name} delivers`, async () => {
    const provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ 'service.name': name }),
      spanProcessors: [new SimpleSpanProcessor(create())],
    });
    const span = provider.getTracer('e2e').startSpan('checkout', { kind: SpanKind.SERVER });
    span.end();
    await provider.forceFlush();
    const found = await delivered(name, span.spanContext().traceId);
    assert.deepEqual([found.name, found.kind], ['checkout', 'SPAN_KIND_SERVER']);
    await provider.shutdown();
  });
}

const reporters = {
  UDP: () => ({ agentHost: '127.0.0.1', agentPort: ports.udp }),
  HTTP: () => ({ collectorEndpoint: `http://127.0.0.1:${ports.thriftHttp}/api/traces` }),
};

for (const [name, reporter] of Object.entries(reporters)) {
  test(`Jaeger's own client delivers over ${name}`, async () => {
    const serviceName = `jaeger-client ${name}`;
    const tracer = jaeger.initTracer(
      { serviceName, sampler: { type: 'const', param: 1 }, reporter: { flushIntervalMs: 20, ...reporter() } },
      {},
    );
    const span = tracer.startSpan('checkout');
    span.setTag('span.kind', 'client');
    span.finish();
    const found = await delivered(serviceName, span.context().toTraceId());
    assert.deepEqual([found.name, found.kind], ['checkout', 'SPAN_KIND_CLIENT']);
    await new Promise<void>((resolve) => tracer.close(resolve));
  });
}

test("Zipkin's own client delivers", async () => {
  const logger = new HttpLogger({
    endpoint: `http://127.0.0.1:${ports.zipkin}/api/v2/spans`,
    jsonEncoder: jsonEncoder.JSON_V2,
    httpInterval: 20,
  });
  const recorder = new BatchRecorder({ logger });
  const localServiceName = 'zipkin client';
  const tracer = new Tracer({ ctxImpl: new ExplicitContext(), recorder, localServiceName });
  const id = new TraceId({ traceId: '463ac35c9f6413ad', spanId: '463ac35c9f6413ad', sampled: new option.Some(true) });
  tracer.scoped(() => {
    tracer.setId(id);
    tracer.local('checkout', () => undefined);
  });
  const found = await delivered(localServiceName);
  assert.equal(found.name, 'checkout');
});

test('browsers of allowed origins may ask and send', async () => {
  const preflight = (origin: string) =>
    request(`http://127.0.0.1:${ports.zipkin}/api/v2/spans`, {
      method: 'OPTIONS',
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'content-type',
      },
    });
  const allowed = await preflight('https://shop.example.org');
  assert.equal(allowed.status, 204);
  assert.equal(allowed.headers['access-control-allow-origin'], 'https://shop.example.org');
  assert.equal(allowed.headers['access-control-allow-headers'], 'content-type');
  assert.equal((await preflight('https://example.com')).headers['access-control-allow-origin'], undefined);
});

test('packets and receivers show in the metrics', async () => {
  const text = (await request(`${server.http}/metrics`)).body.toString();
  assert.match(text, /^rubato_receiver_udp_packets_total\{receiver="jaeger\/thrift_binary",outcome="stored"\} [1-9]/m);
});
