/**
 * Where recorded answers look like mistakes of Tempo: what we answer instead. Every id of the corpus' `quirks.json` is
 * decided here, and every decision is a row of docs/differences-from-tempo.md.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { type PlainSpan, tableToSpans } from '../../src/model/plain-span.ts';
import { checkQuery } from '../../src/traceql/check.ts';
import { parseQuery } from '../../src/traceql/parser.ts';
import { startTestApi, type TestApi } from '../api/api-server.ts';
import { evaluatePipeline } from '../oracle/evaluate.ts';
import { type Trace, tracesOf } from '../oracle/trace.ts';
import {
  baseMs,
  type CorpusEntry,
  conformanceMissing,
  corpus,
  generatedFragment,
  generatedTable,
  quirkIds,
} from './in-process.ts';

/** By the beginning of the row in the document. */
const decisions: Record<string, readonly string[]> = {
  '`3 ^ 2` is 8': ['arithmetic-005', 'arithmetic-012', 'arithmetic-025'],
  'a stored int is never equal to': [
    ...['array-017', 'boolean-018', 'compare-039', 'compare-040', 'compare-041', 'compare-043', 'compare-045'],
  ],
  '`!(condition)` finds nothing': ['boolean-004', 'boolean-005', 'boolean-006', 'nil-021', 'nil-022'],
  '`x = nil` beside another condition': [
    ...['nil-011', 'nil-012', 'nil-013', 'nil-017', 'nil-027', 'quoted-004', 'quoted-007', 'quoted-008', 'scope-029'],
  ],
  '`x != a && x != b`': ['boolean-023'],
  '`span:childCount`': [
    ...['intrinsic-053', 'intrinsic-054', 'intrinsic-055', 'metrics-045', 'pipeline-020', 'pipeline-021'],
    ...['select-013', 'values-036'],
  ],
  'an aggregate of an expression': ['pipeline-018'],
  '`sum_over_time` is NaN': ['instant-007', 'metrics-037'],
  '`quantile_over_time` and `histogram_over_time` leave out float': ['metrics-054', 'metrics-061'],
  'metrics over strings': ['invalid-139', 'invalid-142'],
};

type Entry = CorpusEntry & { readonly rightMatched?: number; readonly params?: { readonly q: string } };

const second = baseMs / 1000;
let api: TestApi;
let spans: readonly PlainSpan[];
let traces: readonly Trace[];
before(async () => {
  if (conformanceMissing !== false) return;
  spans = tableToSpans(await generatedTable(42, 400, 120));
  traces = tracesOf(spans);
  api = await startTestApi({
    fragment: await generatedFragment('conformance', 42, 400, 120),
    limits: { spansPerSpanSetMax: 0, searchDurationMaxMs: 0 },
  });
});
after(() => api?.close());

const entryOf = (id: string): Entry => (corpus() as readonly Entry[]).find((entry) => entry.id === id)!;

async function ask<Shape>(route: string, params: Record<string, string | number>): Promise<Shape> {
  const query = new URLSearchParams(
    Object.entries(params).map(([name, value]): [string, string] => [name, String(value)]),
  );
  const { status, text } = await api.get(`${route}?${query}`);
  assert.equal(status, 200, text);
  return JSON.parse(text) as Shape;
}

interface Metrics {
  readonly series: readonly {
    readonly labels: readonly { readonly key: string; readonly value: { readonly doubleValue?: number } }[];
    readonly value?: number;
    readonly samples?: readonly { readonly value?: number }[];
  }[];
}
const range = (entry: Entry): Promise<Metrics> =>
  ask('/api/metrics/query_range', { q: entry.q!, start: second, end: second + 120, step: entry.step! });
const samplesOf = ({ series }: Metrics): number[] =>
  series.flatMap(({ samples }) => samples!.map(({ value = 0 }) => value));

/** All values of a double attribute. */
const amounts = (): number[] =>
  spans.flatMap(({ attributes }) =>
    attributes.flatMap(({ key, value }) =>
      key === 'app.order.amount' && value.type === 'double' ? [value.value] : [],
    ),
  );
const childCounts = (): number[] => traces.flatMap(({ nodes }) => nodes.map(({ children }) => children.length));
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const near = (got: number, want: number): void => assert.ok(Math.abs(got - want) < 1e-6 * want, `${got}, not ${want}`);

/** Those that are not searches. */
const others: Record<string, (entry: Entry) => Promise<void>> = {
  async 'metrics-037'(entry) {
    near(sum(samplesOf(await range(entry))), sum(amounts()));
  },
  async 'instant-007'(entry) {
    const { series } = await ask<Metrics>('/api/metrics/query', { q: entry.q!, start: second, end: second + 120 });
    near(series[0]!.value!, sum(amounts()));
  },
  async 'metrics-045'(entry) {
    assert.equal(Math.max(...samplesOf(await range(entry))), Math.max(...childCounts()));
  },
  async 'metrics-054'(entry) {
    const values = samplesOf(await range(entry));
    assert.ok(values.some((value) => value > 0));
    assert.ok(Math.max(...values) <= 2 ** Math.ceil(Math.log2(Math.max(...amounts()))));
  },
  async 'metrics-061'(entry) {
    const answer = await range(entry);
    assert.equal(sum(samplesOf(answer)), amounts().length);
    for (const { labels, samples } of answer.series) {
      const upper = labels.find(({ key }) => key === '__bucket')!.value.doubleValue!;
      const inBucket = amounts().filter((amount) => amount <= upper && amount > upper / 2).length;
      assert.equal(sum(samples!.map(({ value = 0 }) => value)), inBucket, `bucket ${upper}`);
    }
  },
  async 'values-036'(entry) {
    const { tagValues } = await ask<{ tagValues: { value: string }[] }>(
      `/api/v2/search/tag/${encodeURIComponent(entry.tag!)}/values`,
      { start: second - 60, end: second + 300 },
    );
    assert.deepEqual(
      tagValues.map(({ value }) => value).sort(),
      [...new Set(childCounts())].map((count) => `${count}`).sort(),
    );
  },
  'invalid-139': refused,
  'invalid-142': refused,
};

async function refused(entry: Entry): Promise<void> {
  const q = encodeURIComponent(entry.params!.q);
  const { status, text } = await api.get(
    `/api/metrics/query_range?q=${q}&start=${second}&end=${second + 120}&step=60s`,
  );
  assert.equal(status, 400);
  assert.match(text, /^compiling query: .*(numbers|not yet supported)/);
}

async function assertSearch(entry: Entry): Promise<void> {
  const found = await ask<{ traces: { traceID: string; spanSets: { matched: number }[] }[] }>('/api/search', {
    q: entry.q!,
    start: second - 60,
    end: second + 300,
    limit: 2000,
    spss: 1,
  });
  const matched = new Map(
    found.traces.map(({ traceID, spanSets }) => [traceID, sum(spanSets.map((set) => set.matched))]),
  );
  const { pipeline } = checkQuery(parseQuery(entry.q!));
  const want = traces
    .map((trace) => [
      trace.id.replace(/^0+/, ''),
      sum(evaluatePipeline(pipeline, trace).map((set) => set.nodes.length)),
    ])
    .filter(([, count]) => count !== 0) as [string, number][];
  assert.deepEqual([...matched].sort(), want.sort(), entry.q);
  if (entry.rightMatched !== undefined) assert.equal(sum([...matched.values()]), entry.rightMatched, entry.q);
}

for (const [row, ids] of Object.entries(decisions)) {
  test(`where Tempo says: ${row} …`, { skip: conformanceMissing }, async () => {
    for (const id of ids) {
      const entry = entryOf(id);
      await (others[id] ?? assertSearch)(entry);
    }
  });
}

test('every quirk of the corpus is decided, and every decision documented', { skip: conformanceMissing }, () => {
  assert.deepEqual(Object.values(decisions).flat().sort(), [...quirkIds()].sort());
  const document = readFileSync(path.resolve(import.meta.dirname, '../../docs/differences-from-tempo.md'), 'utf8');
  const rows = document.split('\n').filter((line) => line.startsWith('| '));
  for (const row of Object.keys(decisions)) {
    assert.equal(rows.filter((line) => line.startsWith(`| ${row}`)).length, 1, row);
  }
});
