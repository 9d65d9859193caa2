/**
 * The recorded answers do not depend on where spans lie: the whole corpus (searches, metrics, tags, values, traces by id,
 * invalid requests) over HTTP, with the data in one block, in ten, and with every trace torn over places. With the data in
 * one live table: test/api/conformance.test.ts.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { type PlainSpan, tableToSpans } from '../../src/model/plain-span.ts';
import { Engine } from '../../src/query/engine.ts';
import type { Reader } from '../../src/roles/read/reader.ts';
import { startTestApi } from '../api/api-server.ts';
import { deal, dealByTime, type Placement, storedSpans } from '../query/stored-spans.ts';
import { sharedPath } from '../support/shared.ts';
import { baseMs, conformanceMissing, generatedTable } from './in-process.ts';

const placements: Record<string, (spans: readonly PlainSpan[]) => Placement> = {
  'in one block': (spans) => ({ blocks: [spans], live: [] }),
  'in ten blocks by time': (spans) => ({ blocks: dealByTime(spans, 10), live: [] }),
  'in three blocks, every trace torn over them': (spans) => ({
    blocks: deal(spans, 3, (_, number) => number % 3),
    live: [],
  }),
  'in a live table and two blocks, every trace torn over them': (spans) => {
    const [live, ...blocks] = deal(spans, 3, (_, number) => number % 3);
    return { blocks, live: [live!] };
  },
};

let spans: readonly PlainSpan[] = [];
before(async () => {
  if (conformanceMissing === false) spans = tableToSpans(await generatedTable(42, 400, 120));
});

for (const [name, place] of Object.entries(placements)) {
  test(`the recorded answers hold over HTTP with the data ${name}`, { skip: conformanceMissing }, async () => {
    const reader = await storedSpans(place(spans));
    await assertPlaces(reader, place(spans));
    const engine = new Engine({
      storage: reader,
      clock: systemClock,
      defaults: { budget: { memoryBytesMax: 1 << 28 }, cacheBytesMax: 1 << 25 },
    });
    const api = await startTestApi({
      ports: { engine, traces: reader },
      limits: { spansPerSpanSetMax: 0, searchDurationMaxMs: 0 },
    });
    try {
      const { status, output } = await runCorpus(api.url);
      assert.equal(status, 0, output);
      const all = (JSON.parse(readFileSync(sharedPath('conformance/open.json'), 'utf8')) as string[]).length;
      assert.match(output, new RegExp(`^${all} passed, 0 failed$`, 'm'));
      assert.deepEqual(api.errors, []);
    } finally {
      await api.close();
    }
  });
}

/** The spans really lie where the test says. */
async function assertPlaces(reader: Reader, { blocks, live }: Placement): Promise<void> {
  const request = { tenant: 'single-tenant', startUnixNano: 0n, endUnixNano: 0n };
  const { blockCount, fragments } = await reader.snapshot(request, { requests: 0, bytes: 0, pages: 0 });
  assert.equal(blockCount, blocks.length + live.length);
  let hidden = 0;
  for (const { hiddenTraces } of fragments) hidden += hiddenTraces?.reduce((sum, flag) => sum + flag, 0) ?? 0;
  const homes = new Map<string, number>();
  for (const list of [...blocks, ...live])
    for (const id of new Set(list.map(({ traceId }) => traceId))) homes.set(id, (homes.get(id) ?? 0) + 1);
  assert.equal(
    hidden,
    [...homes.values()].filter((count) => count > 1).reduce((sum, count) => sum + count, 0),
  );
}

function runCorpus(url: string): Promise<{ status: number | null; output: string }> {
  const file = (name: string): string => sharedPath(`conformance/${name}`);
  const args = [file('run.mjs'), '--http', url, '--no-load', '--base-ms', String(baseMs)].concat([
    '--corpus',
    file('corpus.json'),
    '--expected',
    file('expected.json'),
    '--ids',
    file('open.json'),
  ]);
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args);
    let output = '';
    child.stdout.on('data', (text) => (output += text));
    child.stderr.on('data', (text) => (output += text));
    child.on('close', (status) => resolve({ status, output }));
  });
}
