/** Which queries Tempo takes, recorded from a real one. The corpus lies beside the project and is not part of it. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { checkMetrics, checkQuery } from '../../src/traceql/check.ts';
import { TraceQLError } from '../../src/traceql/error.ts';
import { parseAttribute, parseQuery } from '../../src/traceql/parser.ts';
import { printQuery } from '../../src/traceql/print.ts';
import { stripPositions } from '../../src/traceql/testing/strip-positions.ts';

interface Entry {
  readonly id: string;
  readonly kind: string;
  readonly q?: string;
  readonly tag?: string;
  readonly v?: number;
  readonly path?: string;
  readonly params?: Readonly<Record<string, string>>;
}

const folder = path.resolve(import.meta.dirname, '../../../shared/conformance');
const missing = existsSync(path.join(folder, 'corpus.json')) ? false : `no corpus in ${folder}`;

function read<Content>(file: string): Content {
  return JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Content;
}

/** Accepted by Tempo and answered with nothing; here the user is told. */
const refusedHere = new Set(['invalid-139', 'invalid-142']);
/** Refused for other parameters than the query. */
const otherReason = /^(?:step|start|http parameter|rpc error|invalid limit|invalid spss|invalid request)/;

test('recorded queries are accepted and refused as Tempo did', { skip: missing }, () => {
  const expected = read<Record<string, { status?: number; message?: string }>>('expected.json');
  let checked = 0;
  for (const entry of read<Entry[]>('corpus.json')) {
    const text = entry.q ?? entry.params?.['q'];
    // Filters of tag endpoints are never refused.
    if (text === undefined || entry.path?.includes('/tag')) continue;
    const metrics = entry.kind === 'metrics' || entry.kind === 'instant' || entry.path?.includes('/metrics/');
    let refused: string | undefined;
    try {
      const query = parseQuery(text);
      if (metrics) checkMetrics(query);
      else checkQuery(query);
      assert.deepEqual(stripPositions(parseQuery(printQuery(query))), stripPositions(query));
    } catch (error) {
      if (!(error instanceof TraceQLError)) throw error;
      refused = error.message;
    }
    const recorded = expected[entry.id]!;
    const refuse =
      refusedHere.has(entry.id) || ((recorded.status ?? 200) !== 200 && !otherReason.test(recorded.message ?? ''));
    assert.equal(refused !== undefined, refuse, `${entry.id} ${text}\n${refused ?? 'accepted'}`);
    checked += 1;
  }
  assert.ok(checked > 400, `only ${checked} queries were seen`);
});

test('groups and aggregates are named by the text Tempo gives them', { skip: missing }, () => {
  const names = new Set<string>();
  for (const match of readFileSync(path.join(folder, 'expected.json'), 'utf8').matchAll(
    /"((?:by|count|avg|max|min|sum)\([^"]*\))"/g,
  ))
    names.add(match[1]!);
  assert.ok(names.size > 10);
  for (const name of names) {
    const stage = name.startsWith('by(') ? name : `${name} > 1`;
    assert.equal(printQuery(parseQuery(`{ } | ${stage}`)), `{ true } | ${stage}`);
  }
});

test('recorded tag names are read', { skip: missing }, () => {
  for (const entry of read<Entry[]>('corpus.json')) {
    if (entry.kind !== 'values' || entry.v !== 2) continue;
    if (entry.tag === 'service.name') assert.throws(() => parseAttribute(entry.tag!), /unknown identifier: service/);
    else parseAttribute(entry.tag!);
  }
});
