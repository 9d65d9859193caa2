/** Writing answers: whole traces and search results, as JSON and protobuf. Reading their columns is not counted. */
import assert from 'node:assert/strict';
import { type Bench, type Figure, lowestMs, runIfMain } from '../../../bench/measure.ts';
import { requestsOf, shopTraces, tableOf } from '../../../bench/traffic.ts';
import { liveFragment } from '../../block/live-fragment.ts';
import type { PlainSpan } from '../../model/plain-span.ts';
import { runSearch } from '../../query/search/run-search.ts';
import { checkQuery } from '../../traceql/check.ts';
import { parseQuery } from '../../traceql/parser.ts';
import type { Fragment } from '../../traceql/storage.ts';
import { searchJson, searchProto } from './search.ts';
import { resourceSpansJson } from './trace-json.ts';
import { tracesDataProto } from './trace-proto.ts';
import { loadTraceRows, type TraceRows } from './trace-rows.ts';

const signal = new AbortController().signal;

export const bench: Bench = async (size) => {
  const rounds = size === 'quick' ? 2 : 30;
  const spans = [...shopTraces(size === 'quick' ? 1_000 : 10_000)].flat();
  const fragment = await fragmentOf(spans);
  const figures: Figure[] = [];
  const measure = (name: string, count: number, unit: string, write: () => number): void => {
    let bytes = 0;
    const ms = lowestMs(rounds, () => {
      bytes = write();
    });
    figures.push({ name, value: (ms * 1e6) / count, unit: `ns/${unit}` });
    figures.push({ name: `${name}, size`, value: bytes / count, unit: `B/${unit}` });
  };

  for (const [name, parts] of [
    ['traces', await rowsOf(fragment)],
    ['one trace', await rowsOf(await fragmentOf(spans.map((span) => ({ ...span, traceId: spans[0]!.traceId }))))],
  ] as const) {
    const json = (): Buffer[] => parts.map((rows) => Buffer.concat([...resourceSpansJson([rows])]));
    const proto = (): Buffer[] => parts.map((rows) => Buffer.concat([...tracesDataProto([rows])]));
    measure(`${name}, JSON`, spans.length, 'span', () => Buffer.concat(json()).length);
    measure(`${name}, protobuf`, spans.length, 'span', () => Buffer.concat(proto()).length);
    const written = json().flatMap((bytes) => JSON.parse(bytes.toString()) as ResourceSpans[]);
    assert.equal(written.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)).length, spans.length);
    // What is written can be received again.
    assert.equal(tableOf(proto()).spanCount, spans.length);
  }

  const result = await runSearch(
    {
      storage: { snapshot: async () => ({ fragments: [fragment], blockCount: 1, version: 'bench' }) },
      budget: { memoryBytesMax: 1 << 28 },
      pause: () => undefined,
      nowMs: () => 0,
    },
    {
      tenant: 'bench',
      query: checkQuery(parseQuery('{ kind = server } | select(span.http.route, resource.k8s.pod.name, status)')),
      range: { startUnixNano: 0n, endUnixNano: 0n },
      limit: 1000,
      spansPerSpanSet: 3,
      sort: 'start',
      totals: false,
    },
    signal,
  );
  const count = result.traces.length;
  assert(count >= 20, `${count} traces`);
  const encoding = { leftPadTraceIds: true, withCost: true };
  measure('search, JSON', count, 'trace', () => searchJson(result, encoding).length);
  measure('search, protobuf', count, 'trace', () => searchProto(result, true).length);
  const answer = JSON.parse(searchJson(result, encoding).toString()) as { traces: { traceID: string }[] };
  assert.deepEqual(
    answer.traces.map(({ traceID }) => traceID),
    result.traces.map(({ traceId }) => traceId),
  );
  return { figures };
};

interface ResourceSpans {
  readonly scopeSpans: readonly { readonly spans: readonly unknown[] }[];
}

const newCost = () => ({ requests: 0, bytes: 0, pages: 0 });

async function fragmentOf(spans: readonly PlainSpan[]): Promise<Fragment> {
  const fragment = liveFragment('bench', tableOf(requestsOf([spans])).share());
  await fragment.loadTraces(newCost());
  return fragment;
}

async function rowsOf(fragment: Fragment): Promise<TraceRows[]> {
  const parts: TraceRows[] = [];
  for (let trace = 0; trace < fragment.traceCount; trace++)
    parts.push(await loadTraceRows({ fragment, trace }, newCost(), signal));
  return parts;
}

await runIfMain(import.meta, bench);
