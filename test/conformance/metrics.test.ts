import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { LruCache } from '../../src/base/lru-cache.ts';
import { type MetricsContext, runMetrics } from '../../src/query/metrics/run-metrics.ts';
import { checkQuery } from '../../src/traceql/check.ts';
import { parseGoDuration } from '../../src/traceql/duration.ts';
import { alignRange, autoStep } from '../../src/traceql/metrics-time.ts';
import { parseQuery } from '../../src/traceql/parser.ts';
import type { MetricsRequest } from '../../src/traceql/result.ts';
import { canonicalInstant, canonicalRange } from './canonical.ts';
import {
  type Answer,
  atSecond,
  type CorpusEntry,
  conformanceMissing,
  conformanceStorage,
  corpus,
  expectedAnswers,
  loadDiffer,
  quirkIds,
} from './in-process.ts';

const contextOver = async (fragments: number): Promise<MetricsContext> => ({
  storage: await conformanceStorage(fragments),
  budget: { memoryBytesMax: 1 << 28 },
  cache: new LruCache(1 << 24),
  pause: async () => {},
  nowMs: () => performance.now(),
});

function requestOf(entry: CorpusEntry): MetricsRequest {
  const query = parseQuery(entry.q!);
  checkQuery(query);
  const startUnixNano = atSecond(entry.startSec ?? 0);
  const endUnixNano = atSecond(entry.endSec ?? 120);
  const base = { tenant: 't', query, maxSeries: 0 };
  if (entry.kind === 'instant') {
    return { ...base, range: { startUnixNano, endUnixNano }, stepNano: 0n, exemplars: 0 };
  }
  const stepNano =
    entry.step === undefined
      ? autoStep(endUnixNano - startUnixNano)
      : BigInt(parseGoDuration(/[a-z]$/.test(entry.step) ? entry.step : `${entry.step}s`));
  const range = alignRange({ startUnixNano, endUnixNano, stepNano });
  return { ...base, range, stepNano, exemplars: 100 };
}

async function answerOf(context: MetricsContext, entry: CorpusEntry): Promise<Answer> {
  let request: MetricsRequest;
  try {
    request = requestOf(entry);
  } catch (error) {
    return { status: 400, message: String(error) };
  }
  const result = await runMetrics(context, request, new AbortController().signal);
  return entry.kind === 'instant' ? canonicalInstant(result) : canonicalRange(result);
}

for (const fragments of [1, 3]) {
  let context: MetricsContext;
  before(async () => {
    if (conformanceMissing === false) context = await contextOver(fragments);
  });

  for (const pass of ['first asked', 'asked again']) {
    test(`recorded metrics answers over ${fragments} fragments, ${pass}`, { skip: conformanceMissing }, async () => {
      const quirks = quirkIds();
      const expected = expectedAnswers();
      const differ = await loadDiffer();
      const different: string[] = [];
      let equal = 0;
      for (const entry of corpus()) {
        if ((entry.kind !== 'metrics' && entry.kind !== 'instant') || quirks.has(entry.id)) continue;
        const difference = differ(expected[entry.id], await answerOf(context, entry));
        if (difference === '') equal++;
        else different.push(`${entry.id} ${entry.q}: ${difference}`);
      }
      assert.deepEqual(different, []);
      assert.ok(equal > 50, `${equal} answers compared`);
    });
  }
}
