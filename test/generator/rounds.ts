/**
 * Generated metrics in a real Prometheus: series, native histograms and exemplars against a count of the spans that were
 * sent and against TraceQL, with Prometheus away for a while and the server killed in between.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { SeededRng } from '../../src/base/random.ts';
import { ShopTraffic } from '../../src/cli/demo/traffic.ts';
import { serviceGraphBuckets, spanMetricsBuckets } from '../../src/generator/settings.ts';
import type { PlainSpan } from '../../src/model/plain-span.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { freePort, getJson, postSpans, request, startTestServer } from '../support/server.ts';
import { assertSame, check, eventually, stored } from './checks.ts';
import { countServiceGraph, countSpanMetrics, oneCalledSpanEach } from './count.ts';
import { promExemplars, promQuery, startPrometheus } from './prometheus.ts';

const graphWaitMs = 1_000;

function config(folder: string, prometheusPort: number): Record<string, unknown> {
  return {
    metrics_generator: {
      storage: {
        path: path.join(folder, 'generator'),
        remote_write: [
          {
            url: `http://127.0.0.1:${prometheusPort}/api/v1/write`,
            queue_config: { max_backoff: '500ms', max_samples_per_send: 500 },
          },
        ],
      },
      registry: { collection_interval: '1s', external_labels: { cluster: 'test' } },
      processor: { service_graphs: { wait: `${graphWaitMs}ms` } },
    },
    overrides: {
      defaults: {
        ingestion: { rate_limit_bytes: 0 },
        metrics_generator: {
          processors: ['span-metrics', 'service-graphs', 'host-info'],
          generate_native_histograms: 'both',
          processor: { span_metrics: { dimensions: ['http.route'] } },
        },
      },
    },
    // Blocks are made while metrics are counted, so that segments go.
    live_store: { max_block_duration: '1s' },
  };
}

/** Kills the server `rounds` times; Prometheus is away in the last one. Only the folder must be new. */
export async function generatorRounds(folder: string, rounds: number): Promise<void> {
  const traffic = new ShopTraffic(new SeededRng(11));
  const sent: PlainSpan[] = [];
  const send = async (otlpHttp: string, visits: number): Promise<void> => {
    for (let i = 0; i < visits; i++) {
      const spans = oneCalledSpanEach(traffic.visit(BigInt(Date.now() - 5000) * 1_000_000n));
      assert.equal(await postSpans(otlpHttp, plainSpansToOtlp(spans)), 200);
      sent.push(...spans);
    }
  };
  const startMs = Date.now();
  const port = await freePort();
  const prometheusFolder = path.join(folder, 'prometheus');
  let prometheus = await startPrometheus(prometheusFolder, port);
  let server = await startTestServer({ dataFolder: folder, config: config(folder, port) });
  try {
    await send(server.otlpHttp, 30);
    await eventually(async () => assert.ok((await stored(prometheus.url, 'traces_spanmetrics_calls')).size > 0));
    // Killed at any time: between two collections, and while blocks are made.
    for (let round = 0; round < rounds; round++) {
      await send(server.otlpHttp, 20);
      if (round === rounds - 1) await prometheus.kill();
      await new Promise((resolve) => setTimeout(resolve, 150 + ((round * 700) % 2100)));
      await server.kill();
      server = await startTestServer({ dataFolder: folder, config: config(folder, port) });
      await send(server.otlpHttp, 5);
    }
    await new Promise((resolve) => setTimeout(resolve, 1500));
    prometheus = await startPrometheus(prometheusFolder, port);
    const expected = new Map([
      ...countSpanMetrics(sent, { http_route: 'http.route' }, spanMetricsBuckets),
      ...countServiceGraph(sent, serviceGraphBuckets),
    ]);
    await eventually(async () => assertSame(await stored(prometheus.url, 'traces_(spanmetrics|service)'), expected));

    // Counters never went back: what Prometheus takes for increase is what was counted, zero at the beginning included.
    const [increase] = await promQuery(prometheus.url, 'sum(resets(traces_spanmetrics_calls_total[1h]))');
    assert.equal(increase!.value![1], '0');

    await check('native histograms', async () => {
      const natives = await promQuery(prometheus.url, 'sum by (service) (traces_spanmetrics_latency)');
      const counts = await promQuery(prometheus.url, 'sum by (service) (traces_spanmetrics_latency_count)');
      const byService = new Map(counts.map(({ metric, value }) => [metric['service'], value![1]]));
      assert.ok(natives.length > 3);
      for (const { metric, histogram } of natives) assert.equal(histogram![1].count, byService.get(metric['service']));
    });
    await check('exemplars', async () => {
      const exemplars = await promExemplars(prometheus.url, 'traces_spanmetrics_latency_bucket', startMs);
      const traces = new Set(sent.map(({ traceId }) => traceId));
      assert.ok(exemplars.length > 20);
      for (const { exemplars: each } of exemplars)
        for (const { labels } of each) assert.ok(traces.has(labels['traceID']!));
    });
    await check('TraceQL', async () => {
      const range = `start=${Math.floor(startMs / 1000) - 60}&end=${Math.ceil(Date.now() / 1000) + 60}`;
      const query = encodeURIComponent('{} | count_over_time() by (resource.service.name)');
      const answer = await getJson<{
        series: { labels: { value: { stringValue: string } }[]; samples?: { value: number }[]; value?: number }[];
      }>(`${server.http}/api/metrics/query?q=${query}&${range}`);
      const counts = await promQuery(prometheus.url, 'sum by (service) (traces_spanmetrics_calls_total)');
      assert.ok(counts.length > 3);
      const byService = new Map(answer.series.map(({ labels, value }) => [labels[0]!.value.stringValue, value]));
      for (const { metric, value } of counts) assert.equal(byService.get(metric['service']!), Number(value![1]));
    });
    await check('/metrics/spans', async () => {
      const page = await request(`${server.http}/metrics/spans`, {
        headers: { accept: 'application/openmetrics-text' },
      });
      const text = page.body.toString();
      assert.equal(page.status, 200);
      assert.match(text, /^# TYPE traces_spanmetrics_calls counter$/m);
      assert.match(text, /traces_spanmetrics_latency_bucket\{.*le="0.002"\} \d+ # \{traceID="[0-9a-f]{32}"\}/);
      assert.ok(text.endsWith('# EOF\n'));
      const self = (await request(`${server.http}/metrics`)).body.toString();
      assert.match(self, /tempo_metrics_generator_spans_received_total\{tenant="single-tenant"\} [1-9]/);
      assert.match(self, /rubato_metrics_generator_remote_write_sent_samples_total\{.*\} [1-9]/);
      assert.doesNotMatch(self, /rubato_metrics_generator_remote_write_refused_samples_total\{.*\} [1-9]/);
    });
  } finally {
    await server.stop();
    await prometheus.kill();
  }
}
