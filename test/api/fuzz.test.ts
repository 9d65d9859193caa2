import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { jsonToExportRequest } from '../../src/protocol/otlp/json.ts';
import { fragmentOf, startTestApi, type TestApi } from './api-server.ts';

let api: TestApi;

before(async () => {
  const span = { traceId: '00'.repeat(15).concat('aa'), spanId: '00'.repeat(7).concat('01'), name: 'a' };
  const body = { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] };
  api = await startTestApi({ fragment: fragmentOf(jsonToExportRequest(Buffer.from(JSON.stringify(body)))) });
});

after(() => api.close());

const paths = fc.oneof(
  fc.constantFrom(
    ...['/api/search', '/api/search/tags', '/api/v2/search/tags', '/api/search/tag/x/values'].concat(
      ['/api/v2/search/tag/span.x/values', '/api/metrics/query_range', '/api/metrics/query', '/api/traces/aa'],
      ['/api/v2/traces/aa', '/status/config', '/api/echo'],
    ),
  ),
  fc.string({ unit: 'binary', maxLength: 20 }).map((tag) => `/api/v2/search/tag/${encode(tag)}/values`),
  fc.string({ unit: 'binary', maxLength: 20 }).map((tag) => `/api/search/tag/${encode(tag)}/values`),
  fc.string({ unit: 'binary', maxLength: 40 }).map((id) => `/api/v2/traces/${encode(id)}`),
  fc.webPath({ size: 'small' }),
);

const names = fc.constantFrom(
  ...['q', 'query', 'tags', 'start', 'end', 'since', 'step', 'limit', 'spss', 'minDuration', 'maxDuration', 'scope'],
  ...['exemplars', 'maxSeries', 'maxStaleValues', 'mode', 'sort', 'totals', 'cost', 'explain', 'nonsense'],
);

const values = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.integer().map(String),
  fc.maxSafeInteger().map(String),
  fc.double().map(String),
  fc.bigInt().map(String),
  fc.date().map((date) => (Number.isNaN(date.getTime()) ? 'never' : date.toISOString())),
  fc.constantFrom(
    ...['', '0', '1', '-1', '+1', '1s', '-5s', '1ns', '1d', '9999999y', '1e9', '.5', '5.', 'NaN', 'Infinity', '0x10'],
    ...['99999999999999999999', '9223372036854775807', '9223372036854775808', '18446744073709551615', '4294967295'],
    ...['{}', '{', '{} | rate()', '{} | compare({})', '{ .a = 1 } | rate() by (.a)', '{ . = }', '{} >> {}'],
    ...['a=b', 'a="b', 'a=="', '"', '=', 'resource', 'none', 'intrinsic', 'true', 'duration', 'defaults'],
  ),
);

/** Percent-escapes of whatever it is, lone surrogates and all. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

test('no parameter makes the server fail, whatever it holds', async () => {
  await fc.assert(
    fc.asyncProperty(paths, fc.array(fc.tuple(names, values), { maxLength: 6 }), async (path, parameters) => {
      const query = parameters.map(([name, value]) => `${name}=${encode(value)}`).join('&');
      const answer = await api.get(`${path}?${query}`);
      assert.ok(
        answer.status === 200 || (answer.status >= 400 && answer.status < 500),
        `${answer.status} ${answer.text}`,
      );
      assert.deepEqual(api.errors, []);
      if (answer.headers['content-type'] === 'application/json') JSON.parse(answer.text);
    }),
    { numRuns: 1500 },
  );
});

test('no raw query string makes the server fail', async () => {
  const raw = fc.string({ unit: fc.constantFrom(...'%=&;+?/#{}"az09.'), maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(paths, raw, async (path, query) => {
      const answer = await api.get(`${path}?${query.replaceAll('#', '')}`);
      assert.notEqual(Math.floor(answer.status / 100), 5, answer.text);
    }),
    { numRuns: 500 },
  );
});
