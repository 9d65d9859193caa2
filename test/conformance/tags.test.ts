import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LruCache } from '../../src/base/lru-cache.ts';
import { runTagNames, runTagValues, type TagsContext } from '../../src/query/tags/run-tags.ts';
import { parseTagFilter } from '../../src/traceql/lenient.ts';
import { parseAttribute } from '../../src/traceql/parser.ts';
import type { TagScope } from '../../src/traceql/result.ts';
import { canonicalTags, canonicalValues } from './canonical.ts';
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

async function answerOf(context: TagsContext, entry: CorpusEntry): Promise<Answer> {
  const range = { startUnixNano: atSecond(-60), endUnixNano: atSecond(300) };
  const filter = entry.q === undefined ? undefined : parseTagFilter(entry.q);
  const base = { tenant: 't', range, ...(filter && { filter }), limit: entry.limit ?? 0, maxBytes: 1_000_000 };
  const { signal } = new AbortController();
  if (entry.kind === 'tags') {
    const scope = entry.scope as TagScope | undefined;
    return canonicalTags(await runTagNames(context, { ...base, ...(scope && { scope }) }, signal), entry);
  }
  let tag: Parameters<typeof runTagValues>[1]['tag'];
  try {
    tag = entry.v === 1 ? entry.tag! : parseAttribute(entry.tag!);
  } catch (error) {
    return { status: 400, message: String(error) };
  }
  return canonicalValues(await runTagValues(context, { ...base, tag }, signal), entry);
}

for (const fragments of [1, 3]) {
  test(`recorded tag names and values over ${fragments} fragments`, { skip: conformanceMissing }, async () => {
    const context: TagsContext = {
      storage: await conformanceStorage(fragments),
      cache: new LruCache(1 << 24),
      pause: async () => {},
    };
    const quirks = quirkIds();
    const expected = expectedAnswers();
    const differ = await loadDiffer();
    const different: string[] = [];
    let equal = 0;
    for (const entry of corpus()) {
      if ((entry.kind !== 'tags' && entry.kind !== 'values') || quirks.has(entry.id)) continue;
      const difference = differ(expected[entry.id], await answerOf(context, entry));
      if (difference === '') equal++;
      else different.push(`${entry.id} ${entry.tag ?? entry.scope} ${entry.q ?? ''}: ${difference}`);
    }
    assert.deepEqual(different, []);
    assert.ok(equal > 50, `${equal} answers compared`);
  });
}
