/** Several processes over one store, each with its own ports and configuration file. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { randomHex, systemRng } from '../../src/base/random.ts';
import { plainResource, plainSpan } from '../../src/model/plain-span.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { getJson, startTestServer, type TestServer, type TestServerOptions } from './server.ts';

export interface ClusterOptions {
  /** Where the processes' own files are; each gets a folder below. */
  readonly folder: string;
  /** `storage.trace` of all. */
  readonly storage: Readonly<Record<string, unknown>>;
  readonly config?: Readonly<Record<string, unknown>>;
}

let processes = 0;

/** Times that make death and discovery quick enough for a test. */
export const quickCluster = {
  discovery_interval: '500ms',
  renew_interval: '500ms',
  dead_after: '3s',
  ask_timeout: '1s',
};

/** `more`: what only this process has. */
export function startRole(
  target: string,
  { folder, storage, config = {} }: ClusterOptions,
  more: Pick<TestServerOptions, 'server' | 'config' | 'runIn'> = {},
): Promise<TestServer> {
  const own = path.join(folder, `${target}-${processes++}`);
  mkdirSync(own, { recursive: true });
  return startTestServer({
    dataFolder: own,
    args: [`-target=${target}`],
    ...more,
    config: { cluster: quickCluster, ...config, ...more.config, storage: { trace: storage } },
  });
}

/** One process a target, started one after the other; none is left when one does not start. */
export async function startRoles(targets: readonly string[], options: ClusterOptions): Promise<TestServer[]> {
  const started: TestServer[] = [];
  try {
    for (const target of targets) started.push(await startRole(target, options));
  } catch (error) {
    await Promise.all(started.map((server) => server.kill()));
    throw error;
  }
  return started;
}

/** A request that says in an attribute which one it is. */
export interface SentRequest {
  readonly id: string;
  readonly traceIds: readonly string[];
  readonly body: Uint8Array;
}

export const spansPerTrace = 5;

/** `traces` of {@link spansPerTrace} spans each. */
export function makeRequest(traces: number, nowMs: number): SentRequest {
  const id = randomHex(systemRng, 8);
  const traceIds = Array.from({ length: traces }, () => randomHex(systemRng, 16));
  return { id, traceIds, body: spansOf(id, traceIds, nowMs) };
}

function spansOf(id: string, traceIds: readonly string[], nowMs: number): Uint8Array {
  const resource = plainResource({
    attributes: [{ key: 'service.name', value: { type: 'string', value: 'cluster' } }],
  });
  const now = BigInt(nowMs) * 1_000_000n;
  const spans = traceIds.flatMap((traceId) => {
    let parentSpanId = '';
    return Array.from({ length: spansPerTrace }, (_, i) => {
      const span = plainSpan({
        traceId,
        spanId: randomHex(systemRng, 8),
        parentSpanId,
        name: `step ${i}`,
        kind: 2,
        startTimeUnixNano: now + BigInt(i * 1000),
        endTimeUnixNano: now + BigInt(100_000 - i * 1000),
        attributes: [{ key: 'request.id', value: { type: 'string', value: id } }],
        resource,
      });
      parentSpanId = span.spanId;
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

/** Spans by `request.id`, as a metrics query counts them. @throws when the answer is an error */
export async function countByRequest(http: string, startUnixSeconds: number): Promise<Map<string, number>> {
  const query = encodeURIComponent('{ } | count_over_time() by (span.request.id)');
  const end = Math.ceil(Date.now() / 1000) + 5;
  const url = `${http}/api/metrics/query?q=${query}&start=${startUnixSeconds}&end=${end}`;
  const { series = [] } = await getJson<MetricsAnswer>(url);
  const counts = new Map<string, number>();
  for (const { labels, value } of series) {
    const id = labels[0]?.value.stringValue;
    if (id !== undefined && id !== 'nil') counts.set(id, value ?? 0);
  }
  return counts;
}

interface TraceAnswer {
  readonly trace?: { readonly resourceSpans?: readonly { scopeSpans: readonly { spans: { spanId: string }[] }[] }[] };
}

/** Span ids of a trace. */
export async function spanIdsOf(http: string, traceId: string): Promise<string[]> {
  const { trace } = await getJson<TraceAnswer>(`${http}/api/v2/traces/${traceId}`);
  return (trace?.resourceSpans ?? []).flatMap(({ scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans.map(({ spanId }) => spanId)),
  );
}

/** Ids of traces with spans of this request, by search; without leading zeros, as answers have them. */
export async function searchRequest(http: string, id: string, startUnixSeconds: number): Promise<string[]> {
  const query = encodeURIComponent(`{ span.request.id = "${id}" }`);
  const end = Math.ceil(Date.now() / 1000) + 5;
  const url = `${http}/api/search?q=${query}&limit=1000&start=${startUnixSeconds}&end=${end}`;
  const { traces = [] } = await getJson<{ traces?: { traceID: string }[] }>(url);
  return traces.map(({ traceID }) => traceID);
}
