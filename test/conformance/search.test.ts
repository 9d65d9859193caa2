import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { runSearch, type SearchContext } from '../../src/query/search/run-search.ts';
import { checkQuery } from '../../src/traceql/check.ts';
import { parseGoDuration } from '../../src/traceql/duration.ts';
import { parseQuery } from '../../src/traceql/parser.ts';
import type { SearchRequest, TagSearch } from '../../src/traceql/result.ts';
import { canonicalSearch, type SearchEntry } from './canonical-search.ts';
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

type Entry = CorpusEntry &
  SearchEntry & {
    readonly tags?: string;
    readonly minDuration?: string;
    readonly maxDuration?: string;
    readonly rightMatched?: number;
  };

const entries = (): readonly Entry[] => (corpus() as readonly Entry[]).filter(({ kind }) => kind === 'search');

function tagSearch({ tags = '', minDuration = '0s', maxDuration = '0s' }: Entry): TagSearch {
  return {
    tags: [...tags.matchAll(/(\S+?)=(?:"([^"]*)"|(\S+))/g)].map(([, key, quoted, plain]) => ({
      key: key!,
      value: quoted ?? plain!,
    })),
    minDurationNano: Number(parseGoDuration(minDuration)),
    maxDurationNano: Number(parseGoDuration(maxDuration)),
  };
}

function requestOf(entry: Entry): SearchRequest {
  const query = entry.q === undefined ? tagSearch(entry) : checkQuery(parseQuery(entry.q));
  return {
    tenant: 't',
    query,
    range: { startUnixNano: atSecond(entry.startSec ?? -60), endUnixNano: atSecond(entry.endSec ?? 300) },
    limit: entry.limit ?? 2000,
    spansPerSpanSet: entry.spss === undefined ? 10_000 : (entry.spss ?? 3),
    sort: 'start',
    totals: false,
  };
}

async function answerOf(context: SearchContext, entry: Entry): Promise<Answer> {
  let request: SearchRequest;
  try {
    request = requestOf(entry);
  } catch (error) {
    return { status: 400, message: String(error) };
  }
  return canonicalSearch(await runSearch(context, request, new AbortController().signal), entry);
}

for (const fragments of [1, 3]) {
  let context: SearchContext;
  before(async () => {
    if (conformanceMissing !== false) return;
    context = {
      storage: await conformanceStorage(fragments),
      budget: { memoryBytesMax: 1 << 28 },
      pause: async () => {},
      nowMs: () => performance.now(),
    };
  });

  test(`recorded search answers over ${fragments} fragments`, { skip: conformanceMissing }, async () => {
    const quirks = quirkIds();
    const expected = expectedAnswers();
    const differ = await loadDiffer();
    const different: string[] = [];
    let equal = 0;
    for (const entry of entries()) {
      if (quirks.has(entry.id)) continue;
      const difference = differ(expected[entry.id], await answerOf(context, entry));
      if (difference === '') equal++;
      else different.push(`${entry.id} ${entry.q ?? entry.tags}: ${difference}`);
    }
    assert.deepEqual(different, []);
    assert.ok(equal > 250, `${equal} answers compared`);
  });

  test(`right answers where the recorded ones are not, over ${fragments} fragments`, {
    skip: conformanceMissing,
  }, async () => {
    for (const entry of entries()) {
      if (entry.rightMatched === undefined) continue;
      const { matched } = await answerOf(context, entry);
      assert.equal(matched, entry.rightMatched, `${entry.id} ${entry.q}`);
    }
  });
}
