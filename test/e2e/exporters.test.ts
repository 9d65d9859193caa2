/** The exporters that applications use deliver their spans, three ways, and find them again within a second. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { OTLPTraceExporter as GrpcExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtoExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, SimpleSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import { getJson, startTestServer, type TestServer, temporaryFolder } from '../support/server.ts';

const folder = temporaryFolder('exporters');
let server: TestServer;
before(async () => {
  server = await startTestServer({ dataFolder: folder.path });
});
after(async () => {
  await server.kill();
  folder.remove();
});

interface JsonSpan {
  readonly name: string;
  readonly kind: string;
  readonly status: { readonly code?: string; readonly message?: string };
  readonly attributes: readonly { readonly key: string; readonly value: unknown }[];
  readonly events?: readonly { readonly name: string }[];
  readonly links?: readonly unknown[];
}

const exporters: Readonly<Record<string, () => SpanExporter>> = {
  gRPC: () => new GrpcExporter({ url: server.otlpGrpc }),
  'HTTP with protobuf': () => new ProtoExporter({ url: server.otlpHttp }),
  'HTTP with JSON': () => new JsonExporter({ url: server.otlpHttp }),
};

for (const [name, create] of Object.entries(exporters)) {
  test(`the OTLP exporter over ${name} delivers`, async () => {
    const service = `exporter ${name}`;
    const provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ 'service.name': service }),
      spanProcessors: [new SimpleSpanProcessor(create())],
    });
    const tracer = provider.getTracer('e2e', '1.2.3');
    const span = tracer.startSpan('checkout', {
      kind: SpanKind.SERVER,
      attributes: { text: 'ä"<', count: 7, ratio: 0.25, flag: true, list: ['a', 'b'] },
      links: [{ context: { traceId: '0123456789abcdef0123456789abcdef', spanId: '0123456789abcdef', traceFlags: 1 } }],
    });
    span.addEvent('retry', { attempt: 2 });
    span.setStatus({ code: SpanStatusCode.ERROR, message: 'no stock' });
    span.end();
    await provider.forceFlush();
    const delivered = Date.now();
    const query = encodeURIComponent(`{ resource.service.name = "${service}" && span.count = 7 && status = error }`);
    const end = Math.ceil(delivered / 1000) + 5;
    const found = await getJson<{ traces: { traceID: string }[] }>(
      `${server.http}/api/search?q=${query}&start=${end - 600}&end=${end}`,
    );
    assert.ok(Date.now() - delivered < 1000, 'found by a search within a second of its acknowledgement');
    assert.deepEqual(
      found.traces.map((trace) => trace.traceID),
      [span.spanContext().traceId.replace(/^0+/, '')],
    );
    const trace = await getJson<{ batches: { scopeSpans: { scope: unknown; spans: JsonSpan[] }[] }[] }>(
      `${server.http}/api/traces/${span.spanContext().traceId}`,
    );
    const scope = trace.batches[0]!.scopeSpans[0]!;
    assert.deepEqual(scope.scope, { name: 'e2e', version: '1.2.3' });
    const returned = scope.spans[0]!;
    assert.equal(returned.name, 'checkout');
    assert.equal(returned.kind, 'SPAN_KIND_SERVER');
    assert.deepEqual(returned.status, { code: 'STATUS_CODE_ERROR', message: 'no stock' });
    assert.deepEqual(
      [...returned.attributes].sort((a, b) => (a.key < b.key ? -1 : 1)),
      [
        { key: 'count', value: { intValue: '7' } },
        { key: 'flag', value: { boolValue: true } },
        { key: 'list', value: { arrayValue: { values: [{ stringValue: 'a' }, { stringValue: 'b' }] } } },
        { key: 'ratio', value: { doubleValue: 0.25 } },
        { key: 'text', value: { stringValue: 'ä"<' } },
      ],
    );
    assert.deepEqual(
      returned.events?.map((event) => event.name),
      ['retry'],
    );
    assert.equal(returned.links?.length, 1);
    await provider.shutdown();
  });
}
