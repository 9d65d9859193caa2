/**
 * Recorded exchanges with Tempo (`../shared/conformance/http`), asked again of our API over the same data: status, headers,
 * error texts, and of JSON the paths and types. Numbers differ: the recorded server had taken every span twice and counts
 * other bytes. Recorded bodies are pretty-printed and may be cut.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { jsonToExportRequest } from '../../src/protocol/otlp/json.ts';
import { type Answer, fragmentOf, startTestApi, type TestApi } from './api-server.ts';
import {
  type Exchange,
  exchanges,
  isIngest,
  readExchange,
  recordedBatches,
  shapeOf,
  skip,
} from './recorded-exchanges.ts';

/** What is measured differs, and so may which measurements are zero and left out; names of values depend on the data. */
const measured = /\.metrics\.|\.serviceStats\./;

/** The others are asked of a receiver, in recorded-ingest.test.ts. */
const ours = exchanges.filter((exchange) => !isIngest(exchange));

let api: TestApi;

before(async () => {
  if (skip !== false) return;
  const json = jsonToExportRequest(Buffer.from(readExchange('02-ingest-json.txt').requestBody));
  api = await startTestApi({
    fragment: fragmentOf(...(await recordedBatches()), json),
    // The recorded server allowed ten times the default.
    limits: { intervalsMax: 100_000 },
    ports: { overridesStatus: { tenants: () => [], tenant: () => undefined } },
  });
});

after(() => api?.close());

test('exchanges were found', { skip }, () => assert.equal(ours.length, 56));

for (const exchange of ours) {
  test(`recorded exchange ${exchange.name}`, async () => {
    const answer = await api.get(exchange.path, exchange.requestHeaders, exchange.method);
    assert.equal(answer.status, exchange.status, answer.text);
    const page = /^\/(status|metrics)/.test(exchange.path);
    assert.equal(mediaType(answer.headers['content-type']), mediaType(exchange.headers['content-type']));
    if (!page) assert.equal(answer.headers['content-type'], exchange.headers['content-type']);
    assert.equal(answer.headers['x-content-type-options'], exchange.headers['x-content-type-options']);
    assert.equal(answer.headers.vary, exchange.headers['vary']);
    if (exchange.status >= 400) sameError(answer, exchange);
    else if (answer.headers['content-type'] === 'application/json') sameShape(answer, exchange);
    else if (!page && exchange.headers['content-type']?.startsWith('text/plain'))
      assert.equal(answer.text.trim(), exchange.body.trim());
    if (exchange.path.startsWith('/status')) sameSections(answer, exchange);
  });
}

const mediaType = (type: string | undefined): string | undefined => type?.split(';')[0];

/** Pages differ in what they list; the sections and the heads of their tables are the same. */
function sameSections(answer: Answer, exchange: Exchange): void {
  const heads = (text: string): string[] =>
    [...text.matchAll(/^(GET \/\S+|---|\| (?:SERVICE )?NAME .*|.*<th>.*)$/gm)].flatMap(([line]) =>
      line.match(/<th>[^<]*|GET \S+|---|[A-Z][A-Z ]+[A-Z]/g)!.map((head) => head.trim()),
    );
  // The recorded page is cut in its first long section.
  const recorded = heads(exchange.body);
  assert.deepEqual(heads(answer.text).slice(0, recorded.length), recorded);
}

/** Where the parser stopped and what it expected is worded differently. */
function sameError(answer: Answer, exchange: Exchange): void {
  const known = (text: string): string => text.replace(/(parse error|binary operations).*/s, '$1').trim();
  assert.equal(known(answer.text), known(exchange.body));
}

function sameShape(answer: Answer, exchange: Exchange): void {
  const got = shapeOf(JSON.stringify(JSON.parse(answer.text), undefined, 2));
  const missing = [...shapeOf(exchange.body)].filter((item) => !got.has(item) && !measured.test(item));
  assert.deepEqual(missing, []);
}
