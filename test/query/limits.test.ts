/** Heavy queries over HTTP: what stops them, how soon, and that others do not notice. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/base/clock.ts';
import { liveFragment } from '../../src/block/live-fragment.ts';
import { Engine } from '../../src/query/engine.ts';
import type { QueryEngine } from '../../src/traceql/result.ts';
import { startTestApi, type TestApi } from '../api/api-server.ts';
import { fixedStorage } from '../conformance/in-process.ts';
import { baseUnixSeconds, manySpans } from './many-spans.ts';
import { tableOf } from './stored-spans.ts';

const range = `start=${baseUnixSeconds - 60}&end=${baseUnixSeconds + 3600}`;
const fragmentCount = 16;

const table = tableOf(manySpans(1500));
/** The same spans many times over. */
const storage = fixedStorage(Array.from({ length: fragmentCount }, (_, k) => liveFragment(`f${k}`, table)));

const engineOf = (memoryBytesMax: number): Engine =>
  new Engine({ storage, clock: systemClock, defaults: { budget: { memoryBytesMax }, cacheBytesMax: 0 } });

const q = (text: string): string => `q=${encodeURIComponent(text)}`;
const search = (text: string, more = ''): string => `/api/search?${q(text)}&${range}${more}`;
const metrics = (text: string, step = 10): string => `/api/metrics/query_range?${q(text)}&${range}&step=${step}`;

const heavy = {
  'a comparison': metrics('{ } | compare({ status = error })'),
  'many series': metrics('{ } | quantile_over_time(duration, 0.5) by (name, span.http.route, resource.service.name)'),
  'a search for structure': search(
    '{ name =~ "[a-z]+-[0-9]+" } >> { span.load > 5 } | by(name) | count() > 0',
    '&sort=duration',
  ),
  'a long answer': search('{ }', '&limit=200000&spss=100'),
  'values of a tag': `/api/v2/search/tag/span.session/values?${q('{ name =~ "[a-z]+-[0-9]+" && span.session =~ "s[a-z]+-[0-9]{1,9}" }')}&${range}`,
};

const heaviest: keyof typeof heavy = 'a comparison';

test('a query over its memory budget is stopped, with a reason, and others are answered', async () => {
  const api = await startTestApi({ ports: { engine: engineOf(4 << 20) } });
  try {
    const over = [
      metrics('{ } | rate() by (span.session)', 3600),
      metrics('{ } | sum_over_time(duration) by (name, span.session)', 1),
      metrics('{ } | compare({ status = error }, 10000)', 1),
      search('{ }', '&limit=100000&spss=100'),
      search('{ } | by(span.session)', '&limit=100000&spss=100'),
    ];
    for (const path of over) {
      const [refused, ...others] = await Promise.all([
        api.get(path),
        ...Array.from({ length: 4 }, () => api.get(search('{ status = error }'))),
      ]);
      assert.equal(refused.status, 422, `${path}: ${refused.text.slice(0, 200)}`);
      assert.match(refused.text, /memory/);
      for (const other of others) assert.equal(other.status, 200);
    }
    assert.deepEqual(api.errors, []);
  } finally {
    await api.close();
  }
});

test('the budget is that of the whole query, not of each fragment', async () => {
  const path = metrics('{ } | rate() by (span.session)', 3600);
  const one = new Engine({
    storage: fixedStorage([liveFragment('one', table)]),
    clock: systemClock,
    defaults: { budget: { memoryBytesMax: 32 << 20 }, cacheBytesMax: 0 },
  });
  for (const [engine, status] of [
    [one, 200],
    [engineOf(32 << 20), 422],
  ] as const) {
    const api = await startTestApi({ ports: { engine } });
    try {
      assert.equal((await api.get(path)).status, status);
    } finally {
      await api.close();
    }
  }
});

/** Notes when calls begin and when they end. */
class Observed implements QueryEngine {
  readonly #engine: Engine;
  started: () => void = () => {};
  ended: (outcome: 'answered' | 'stopped') => void = () => {};

  constructor(engine: Engine) {
    this.#engine = engine;
  }
  search: QueryEngine['search'] = (request, signal, partial) =>
    this.#watch(this.#engine.search(request, signal, partial));
  metrics: QueryEngine['metrics'] = (request, signal, partial) =>
    this.#watch(this.#engine.metrics(request, signal, partial));
  tagNames: QueryEngine['tagNames'] = (request, signal) => this.#watch(this.#engine.tagNames(request, signal));
  tagValues: QueryEngine['tagValues'] = (request, signal) => this.#watch(this.#engine.tagValues(request, signal));
  serviceGraph: QueryEngine['serviceGraph'] = (request, signal) =>
    this.#watch(this.#engine.serviceGraph(request, signal));

  version: QueryEngine['version'] = (request, signal) => this.#engine.version(request, signal);

  async #watch<Result>(call: Promise<Result>): Promise<Result> {
    this.started();
    try {
      const result = await call;
      this.ended('answered');
      return result;
    } catch (error) {
      this.ended('stopped');
      throw error;
    }
  }
}

const engine = new Observed(engineOf(1 << 28));
let api: TestApi;
before(async () => {
  api = await startTestApi({ ports: { engine }, limits: { spansPerSpanSetMax: 0 } });
});
after(() => api.close());

const threadMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

/**
 * How long the engine works on, from the client's leaving `afterMs` into the query: processor time of this thread, which
 * other processes of the machine do not lengthen. undefined when the query was over before.
 */
async function stopTime(path: string, afterMs: number): Promise<number | undefined> {
  const started = new Promise<void>((resolve) => (engine.started = resolve));
  const ended = new Promise<[string, number]>(
    (resolve) => (engine.ended = (outcome) => resolve([outcome, threadMs()])),
  );
  const call = http.get(api.url + path);
  call.on('error', () => {});
  await started;
  await sleep(afterMs);
  const leftMs = threadMs();
  call.destroy();
  const [outcome, endedMs] = await ended;
  return outcome === 'stopped' ? endedMs - leftMs : undefined;
}

for (const [name, path] of Object.entries(heavy)) {
  test(`the work for ${name} stops when the client leaves`, async (context) => {
    // Columns are gathered by whoever asks first.
    assert.equal((await api.get(path)).status, 200);
    const times: number[] = [];
    for (const afterMs of [0, 1, 2, 5, 10]) times.push((await stopTime(path, afterMs)) ?? Number.NaN);
    const stopped = times.filter((time) => !Number.isNaN(time)).sort((a, b) => a - b);
    context.diagnostic(`stopped after ${stopped.map((time) => time.toFixed(1)).join(', ')} ms`);
    // A query that is over before its client can leave has nothing to stop; the heaviest of the list never is.
    if (name !== heaviest && stopped.length === 0) return;
    assert.ok(stopped.length > 0, 'the query was over before its client left');
    assert.ok(stopped[stopped.length >> 1]! < 50, `${times} ms`);
  });
}

test('requests are answered while heavy queries run', async (context) => {
  let running = true;
  const busy = Object.values(heavy).map(async (path) => {
    while (running) assert.equal((await api.get(path)).status, 200);
  });
  const times: number[] = [];
  for (let k = 0; k < 10; k++) {
    const beforeMs = threadMs();
    assert.equal((await api.get('/api/echo')).status, 200);
    times.push(threadMs() - beforeMs);
  }
  running = false;
  await Promise.all(busy);
  times.sort((a, b) => a - b);
  context.diagnostic(`answered after ${times.map((time) => time.toFixed(1)).join(', ')} ms`);
  assert.ok(times[5]! < 100, `${times} ms`);
});
