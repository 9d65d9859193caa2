/**
 * A data folder as a version of the program leaves it, and the questions whose answers must stay the same for ever. The
 * folders are made once for each format by `make-fixture.ts` and are never made again.
 */
import path from 'node:path';
import { traceIdOf } from '../api/spans.ts';
import { type Answer, request, startTestServer, type TestServer } from '../support/server.ts';

export const fixturePath = (format: string): string => path.join(import.meta.dirname, 'fixtures', format);

/** When the stored spans began. */
export const storedMs = Date.UTC(2026, 10, 24, 12);
export const tenants = ['shop', '.dotted.'] as const;
export const tracesPerBatch = 40;
export const batches = 4;

const decades = '876000h';

/** Starts the program on a folder that holds `data` and `metrics`. */
export function startOn(folder: string, config: Readonly<Record<string, unknown>> = {}): Promise<TestServer> {
  return startTestServer({
    dataFolder: folder,
    config: {
      multitenancy_enabled: true,
      metrics_generator: {
        storage: { path: path.join(folder, 'metrics') },
        registry: { collection_interval: '1s', stale_duration: decades },
        metrics_ingestion_time_range_slack: decades,
      },
      overrides: {
        defaults: { ingestion: { rate_limit_bytes: 0 }, metrics_generator: { processors: ['span-metrics'] } },
        user_configurable_overrides: { enabled: true },
      },
      ...config,
    },
  });
}

export const asked = (server: TestServer, tenant: string, question: string): Promise<Answer> =>
  request(`${server.http}${question}`, { headers: { 'x-scope-orgid': tenant } });

const range = `start=${storedMs / 1000 - 60}&end=${storedMs / 1000 + 3600}`;
const query = (text: string): string => `q=${encodeURIComponent(text)}&${range}`;

export const questions: readonly string[] = [
  `/api/search?${query('{ status = error }')}&limit=200`,
  `/api/search?${query('{ span.cart.items > 7 && resource.service.name = "shop" }')}&limit=200`,
  `/api/search?${query('{ name = "order" } > { .rare.1 = "value 1" }')}&limit=200`,
  `/api/v2/search/tags?${range}`,
  `/api/v2/search/tag/name/values?${range}`,
  `/api/metrics/query?${query('{ } | count_over_time() by (resource.service.name)')}`,
  `/api/metrics/query?${query('{ } | quantile_over_time(duration, 0.5) by (name)')}`,
  `/api/v2/traces/${traceIdOf(1)}`,
  `/api/v2/traces/${traceIdOf(151)}`,
];

/** An answer without what it cost. */
export function contentOf({ status, body }: Answer): unknown {
  const { metrics: _, ...content } = JSON.parse(body.toString()) as Record<string, unknown>;
  return { status, ...content };
}

/** Spans counted by the metrics generator. */
export async function countedSpans(server: TestServer, tenant: string): Promise<number> {
  const { body } = await asked(server, tenant, '/metrics/spans');
  let sum = 0;
  for (const [, value] of body.toString().matchAll(/^traces_spanmetrics_calls_total\{.*\} (\d+)/gm))
    sum += Number(value);
  return sum;
}
