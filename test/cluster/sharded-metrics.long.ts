/**
 * Metrics of spans in a cluster: a writer, and metrics processes that come, are killed and come again while it receives.
 * Read from Prometheus and from the processes, values are those of a count of everything that was sent.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { SeededRng } from '../../src/base/random.ts';
import { ShopTraffic } from '../../src/cli/demo/traffic.ts';
import { serviceGraphBuckets, spanMetricsBuckets } from '../../src/generator/settings.ts';
import type { PlainSpan } from '../../src/model/plain-span.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { assertSame, check, scraped, stored } from '../generator/checks.ts';
import { countServiceGraph, countSpanMetrics, oneCalledSpanEach } from '../generator/count.ts';
import { promQuery, startPrometheus, withoutPrometheus } from '../generator/prometheus.ts';
import { startRole } from '../support/cluster.ts';
import { postSpans, request, type TestServer, temporaryFolder } from '../support/server.ts';

test('metrics processes that come, go and are killed count every span once', { skip: withoutPrometheus }, async () => {
  const folder = temporaryFolder('sharded');
  const prometheus = await startPrometheus(path.join(folder.path, 'prometheus'));
  const running = new Set<TestServer>();
  const start = async (target: string, generatorFolder = ''): Promise<TestServer> => {
    const server = await startRole(target, {
      folder: folder.path,
      storage: { local: { path: path.join(folder.path, 'data') } },
      config: {
        cluster: { discovery_interval: '200ms', renew_interval: '300ms', dead_after: '1500ms' },
        // Blocks are made while spans are counted, so that segments would go.
        live_store: { max_block_duration: '1s' },
        metrics_generator: {
          storage: {
            path: generatorFolder === '' ? '' : path.join(folder.path, generatorFolder),
            remote_write: generatorFolder === '' ? [] : [{ url: `${prometheus.url}/api/v1/write` }],
          },
          registry: { collection_interval: '1s', external_labels: { cluster: 'test' } },
          processor: { service_graphs: { wait: '1s' } },
          // However slow the machine is.
          metrics_ingestion_time_range_slack: '1h',
        },
        overrides: {
          defaults: {
            ingestion: { rate_limit_bytes: 0 },
            metrics_generator: {
              processors: ['span-metrics', 'service-graphs'],
              processor: { span_metrics: { dimensions: ['http.route'] } },
            },
          },
        },
      },
    });
    running.add(server);
    return server;
  };
  const traffic = new ShopTraffic(new SeededRng(12));
  const sent: PlainSpan[] = [];
  const send = async (writer: TestServer): Promise<void> => {
    for (let i = 0; i < 15; i++) {
      const spans = oneCalledSpanEach(traffic.visit(BigInt(Date.now() - 5000) * 1_000_000n));
      // In two requests: halves of requests between services are in different segments.
      for (const part of [spans.slice(0, spans.length / 2), spans.slice(spans.length / 2)]) {
        assert.equal(await postSpans(writer.otlpHttp, plainSpansToOtlp(part)), 200);
      }
      sent.push(...spans);
    }
  };
  const kill = async (server: TestServer): Promise<void> => {
    await server.kill();
    running.delete(server);
  };
  const isCounting = (server: TestServer): Promise<void> =>
    check('shards', async () => {
      const page = (await request(`${server.http}/metrics/spans`)).body.toString();
      assert.match(page, /traces_spanmetrics_calls_total/);
    });
  try {
    const writer = await start('write');
    const first = await start('metrics', 'first');
    await send(writer);
    await isCounting(first);
    const second = await start('metrics-generator', 'second');
    await send(writer);
    await isCounting(second);
    await kill(second);
    await send(writer);
    // Counted on by the other one, or by itself when it is back before it is taken for dead.
    const again = await start('metrics', 'second');
    await send(writer);
    await kill(first);
    await send(writer);

    const expected = new Map([
      ...countSpanMetrics(sent, { http_route: 'http.route' }, spanMetricsBuckets),
      ...countServiceGraph(sent, serviceGraphBuckets),
    ]);
    const names = /^traces_(spanmetrics|service_graph)/;
    await check('the process that is left', async () =>
      assertSame(scraped([(await request(`${again.http}/metrics/spans`)).body.toString()], names), expected),
    );
    await check('Prometheus', async () =>
      assertSame(await stored(prometheus.url, 'traces_(spanmetrics|service)'), expected),
    );
    const [resets] = await promQuery(prometheus.url, 'sum(resets(traces_spanmetrics_calls_total[1h]))');
    assert.equal(resets!.value![1], '0');

    // Segments go when they have been counted.
    const other = await start('metrics', 'third');
    await isCounting(other);
    const pages = async (): Promise<string[]> =>
      Promise.all([again, other].map(async ({ http }) => (await request(`${http}/metrics/spans`)).body.toString()));
    await check('two processes', async () => assertSame(scraped(await pages(), names), expected));
    assert.equal((await request(`${writer.http}/metrics/spans`)).status, 404);
  } finally {
    await Promise.all([...running].map((server) => server.kill()));
    await prometheus.kill();
    folder.remove();
  }
});
