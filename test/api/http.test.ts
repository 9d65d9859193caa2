import assert from 'node:assert/strict';
import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { createApi, defaultApiOptions } from '../../src/api/http/api.ts';
import type { ApiPorts } from '../../src/api/ports.ts';
import { ManualClock } from '../../src/base/clock.ts';
import { corrupt, ErrorKind, RubatoError } from '../../src/base/errors.ts';
import { jsonToExportRequest } from '../../src/protocol/otlp/json.ts';
import type {
  MetricsRequest,
  SearchRequest,
  SearchResult,
  TagNamesRequest,
  TagValuesRequest,
} from '../../src/traceql/result.ts';
import type { Fragment } from '../../src/traceql/storage.ts';
import { fragmentOf, startTestApi, type TestApi, type TestApiOptions, testPorts } from './api-server.ts';

const baseSeconds = 1_795_507_200;
const range = `start=${baseSeconds - 60}&end=${baseSeconds + 300}`;

/** One trace of `spans` spans with a long attribute and a key that needs care in URLs. */
function trace(spans: number, textLength = 10): Fragment {
  const list = Array.from({ length: spans }, (_, index) => ({
    traceId: '000000000000000000000000000000aa',
    spanId: (index + 1).toString(16).padStart(16, '0'),
    ...(index > 0 && { parentSpanId: '0000000000000001' }),
    name: index === 0 ? 'root' : 'child',
    kind: 2,
    startTimeUnixNano: `${baseSeconds}000000000`,
    endTimeUnixNano: `${baseSeconds}005000000`,
    attributes: [
      { key: 'text', value: { stringValue: 'x'.repeat(textLength) } },
      { key: 'a/b "c"%', value: { stringValue: 'odd' } },
    ],
  }));
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] };
  const body = { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'lib' }, spans: list }] }] };
  return fragmentOf(jsonToExportRequest(Buffer.from(JSON.stringify(body))));
}

async function withApi(given: TestApiOptions, use: (api: TestApi) => Promise<void>): Promise<void> {
  const api = await startTestApi(given);
  try {
    await use(api);
  } finally {
    await api.close();
  }
}

const get = async (api: TestApi, path: string): Promise<Record<string, unknown>> => {
  const { status, text } = await api.get(path);
  assert.equal(status, 200, text);
  return JSON.parse(text) as Record<string, unknown>;
};

test('bodies above one KiB are compressed when the client takes gzip', async () => {
  await withApi({ fragment: trace(20) }, async (api) => {
    const plain = await api.get('/api/traces/aa');
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.equal(plain.headers['content-length'], String(plain.body.length));
    const packed = await api.get('/api/traces/aa', { 'accept-encoding': 'br, gzip;q=0.5' });
    assert.equal(packed.headers['content-encoding'], 'gzip');
    assert.equal(packed.headers['content-length'], String(packed.body.length));
    assert.deepEqual(gunzipSync(packed.body), plain.body);
    const refused = await api.get('/api/traces/aa', { 'accept-encoding': 'gzip;q=0' });
    assert.equal(refused.headers['content-encoding'], undefined);
    const short = await api.get('/api/echo', { 'accept-encoding': 'gzip' });
    assert.equal(short.headers['content-encoding'], undefined);
  });
});

test('a long trace arrives whole, in pieces, also compressed', async () => {
  const limits = { traceBytesMax: 0 };
  await withApi({ fragment: trace(3000, 500), limits }, async (api) => {
    for (const path of ['/api/traces/aa', '/api/v2/traces/aa']) {
      const plain = await api.get(path);
      assert.equal(plain.headers['transfer-encoding'], 'chunked');
      assert.equal(plain.text.match(/"spanId":/g)!.length, 3000);
      JSON.parse(plain.text);
      const packed = await api.get(path, { 'accept-encoding': 'gzip' });
      assert.equal(packed.headers['content-encoding'], 'gzip');
      assert.equal(gunzipSync(packed.body).toString('utf8').length, plain.text.length);
    }
    const v1 = await api.get('/api/traces/aa', { accept: 'application/protobuf' });
    const v2 = await api.get('/api/v2/traces/aa', { accept: 'application/protobuf' });
    // TraceByIDResponse: field 1 holds what v1 answers; behind it metrics without content.
    assert.equal(v2.body[0], 0x0a);
    const at = v2.body.indexOf(v1.body);
    assert.ok(at > 1 && at < 7);
    assert.equal(v2.body.length, at + v1.body.length + 2);
  });
});

test('a trace above the limit is refused by v1 and cut by v2', async () => {
  const fragment = trace(3000, 500);
  await withApi({ fragment, limits: { traceBytesMax: 100_000 } }, async (api) => {
    const v1 = await api.get('/api/traces/aa');
    assert.equal(v1.status, 422);
    assert.equal(v1.text, 'trace exceeds max size (max bytes: 100000)');
    const v2 = await get(api, '/api/v2/traces/aa');
    assert.equal(v2['status'], 'PARTIAL');
    assert.equal(v2['message'], 'Trace exceeds maximum size of 100000 bytes, a partial trace is returned');
    const spans = JSON.stringify(v2['trace']).match(/"spanId":/g)!.length;
    assert.ok(spans > 100 && spans < 200, `${spans} spans`);
    assert.match(JSON.stringify(v2['trace']), /"name":"root"/);
  });
  await withApi({ fragment: trace(10), limits: { traceBytesMax: 5000 } }, async (api) => {
    assert.equal((await api.get('/api/traces/aa')).status, 200);
  });
});

test('the form for language models is flat and says what matters', async () => {
  const attributes = [
    { key: 'a.str', value: { stringValue: 'x' } },
    { key: 'a.int', value: { intValue: '7' } },
    { key: 'a.kv', value: { kvlistValue: { values: [{ key: 'k', value: { stringValue: 'v' } }] } } },
    { key: 'a.arr', value: { arrayValue: { values: [{ stringValue: 'p' }, { intValue: '2' }] } } },
    { key: 'a.bytes', value: { bytesValue: 'AQID' } },
  ];
  const span = {
    traceId: '000000000000000000000000000000aa',
    spanId: '00000000000000bb',
    name: 'json span',
    kind: 2,
    startTimeUnixNano: `${baseSeconds}000000000`,
    endTimeUnixNano: `${baseSeconds}005000000`,
    attributes,
    events: [{ timeUnixNano: `${baseSeconds}001000000`, name: 'ev', attributes: [attributes[0]] }],
    links: [{ traceId: '0102030405060708090a0b0c0d0e0f10', spanId: '0102030405060708' }],
    status: { code: 2, message: 'bad' },
  };
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'json-svc' } }] };
  const body = { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'lib', version: '2' }, spans: [span] }] }] };
  const fragment = fragmentOf(jsonToExportRequest(Buffer.from(JSON.stringify(body))));
  await withApi({ fragment }, async (api) => {
    const answer = await api.get('/api/v2/traces/aa', { accept: 'application/vnd.grafana.llm' });
    assert.equal(answer.headers['content-type'], 'application/vnd.grafana.llm+json');
    assert.deepEqual(JSON.parse(answer.text), {
      trace: {
        traceId: '000000000000000000000000000000aa',
        services: [
          {
            serviceName: 'json-svc',
            scopes: [
              {
                name: 'lib',
                version: '2',
                spans: [
                  {
                    spanId: '00000000000000bb',
                    name: 'json span',
                    kind: 'SPAN_KIND_SERVER',
                    startTimeUnixNano: `${baseSeconds}000000000`,
                    endTimeUnixNano: `${baseSeconds}005000000`,
                    durationMs: 5,
                    attributes: {
                      'a.arr': ['p', 2],
                      'a.bytes': '010203',
                      'a.int': 7,
                      'a.kv': { k: 'v' },
                      'a.str': 'x',
                    },
                    events: [{ name: 'ev', timeUnixNano: `${baseSeconds}001000000`, attributes: { 'a.str': 'x' } }],
                    links: [{ traceId: '0102030405060708090a0b0c0d0e0f10', spanId: '0102030405060708' }],
                    status: { code: 'STATUS_CODE_ERROR', message: 'bad' },
                  },
                ],
              },
            ],
          },
        ],
      },
      metrics: {},
    });
    const missing = await api.get('/api/v2/traces/ff', { accept: 'application/vnd.grafana.llm' });
    assert.equal(missing.text, '{}');
    // v1 does not know the form, but names it.
    const v1 = await api.get('/api/traces/aa', { accept: 'application/vnd.grafana.llm' });
    assert.equal(v1.headers['content-type'], 'application/vnd.grafana.llm');
    assert.ok(v1.text.startsWith('{"batches":['));
  });
});

test('tag names reach the engine as they were before they went into the URL', async () => {
  const asked: TagValuesRequest['tag'][] = [];
  await withApi({ fragment: trace(2) }, async (api) => {
    const { engine } = api.ports;
    const tagValues = engine.tagValues.bind(engine);
    engine.tagValues = (request, signal) => {
      asked.push(request.tag);
      return tagValues(request, signal);
    };
    const names = ['a/b "c"%', 'plain', 'é', '100%25', 'a+b', 'x?y#z', 'values', 'a/values'];
    for (const name of names) {
      const answer = await api.get(`/api/search/tag/${encodeURIComponent(name)}/values?${range}`);
      assert.equal(answer.status, 200, answer.text);
    }
    assert.deepEqual(asked.splice(0), names);
    await api.get(`/api/search/tag/a/b/values?${range}`);
    assert.deepEqual(asked.splice(0), ['a/b']);
    const quoted = encodeURIComponent('span."a/b \\"c\\"%"');
    const found = await get(api, `/api/v2/search/tag/${quoted}/values?${range}`);
    assert.deepEqual(found['tagValues'], [{ type: 'string', value: 'odd' }]);
  });
});

test('tenants: ignored when off, checked when on', async () => {
  const tenants: string[] = [];
  const limits: ApiPorts['limits'] = (tenant) => {
    tenants.push(tenant);
    throw new RubatoError(ErrorKind.notFound, 'enough', 'enough');
  };
  await withApi({ ports: { limits } }, async (api) => {
    await api.get('/api/search', { 'x-scope-orgid': 'x/y' });
    assert.deepEqual(tenants.splice(0), ['single-tenant']);
  });
  await withApi({ ports: { limits }, options: { multitenancy: true } }, async (api) => {
    const ask = (id?: string) => api.get('/api/search', id === undefined ? {} : { 'x-scope-orgid': id });
    const none = await ask();
    assert.equal(none.status, 401);
    assert.equal(none.text, 'no org id');
    assert.equal((await ask('')).status, 401);
    assert.equal((await ask('a||b')).status, 401);
    const bad = await ask('x/y');
    assert.equal(bad.status, 400);
    assert.equal(bad.text, "tenant ID 'x/y' contains unsupported character '/'");
    assert.equal((await ask('..')).status, 400);
    assert.equal((await ask('a'.repeat(151))).status, 400);
    assert.deepEqual(tenants, []);
    await ask('b|a|b:product=traces');
    await ask("A-z_0.9*'()!");
    assert.deepEqual(tenants.splice(0), ['a|b', "A-z_0.9*'()!"]);
    assert.equal((await api.get('/api/echo')).status, 200);
    assert.equal((await api.get('/ready')).status, 200);
  });
  await withApi({ ports: { limits }, options: { multitenancy: true, multiTenantQueries: false } }, async (api) => {
    assert.equal((await api.get('/api/search', { 'x-scope-orgid': 'a|b' })).status, 400);
    await api.get('/api/search', { 'x-scope-orgid': 'a|a' });
    assert.deepEqual(tenants, ['a']);
  });
});

test('the prefix goes before the API, not before the pages of the process', async () => {
  await withApi({ options: { httpApiPrefix: '/tempo/' } }, async (api) => {
    for (const path of ['/tempo/api/echo', '/tempo/api/search?q={}', '/tempo/status/usage-stats', '/ready', '/status'])
      assert.equal((await api.get(path)).status, 200, path);
    for (const path of ['/api/echo', '/tempo/ready', '/tempo/status'])
      assert.equal((await api.get(path)).status, 404, path);
    assert.match(
      (await api.get('/status/endpoints')).text,
      /\| \/tempo\/api\/search\/tag\/\{tagName:\.\*\}\/values +\|/,
    );
  });
});

test('what does not exist is 404, and a path that is not one is 400', async () => {
  await withApi({}, async (api) => {
    for (const path of [
      '/',
      '/api',
      '/api/traces',
      '/api/traces/',
      '/api/traces/aa/',
      '/api/search/',
      '/status/nosuch',
    ]) {
      const answer = await api.get(path);
      assert.equal(answer.status, 404, path);
      assert.equal(answer.text, '404 page not found\n');
    }
    assert.equal((await api.get('/api/search/tag/x')).status, 404);
    assert.equal((await api.get('/api/search/tag/%zz/values')).status, 400);
  });
});

test('every method is answered like GET', async () => {
  await withApi({}, async (api) => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const answer = await api.get(`/api/search?q={}&${range}`, {}, method);
      assert.equal(answer.status, 200, method);
      assert.equal(JSON.parse(answer.text).traces.length, 0);
    }
    const head = await api.get(`/api/search?q={}&${range}`, {}, 'HEAD');
    assert.equal(head.status, 200);
    assert.equal(head.body.length, 0);
  });
});

test('what is ours in a search: order, totals, cost and explanation only when asked for', async () => {
  await withApi({ fragment: trace(5) }, async (api) => {
    const plain = await get(api, `/api/search?q={}&${range}`);
    assert.deepEqual(Object.keys(plain), ['traces', 'metrics']);
    assert.equal((plain['metrics'] as object)['cost' as never], undefined);
    const ours = await get(api, `/api/search?q={}&${range}&sort=duration&totals=true&cost=true&explain=true`);
    assert.deepEqual(ours['totals'], { traces: 1, spans: 5 });
    assert.deepEqual(ours['explain'], { tenant: 'single-tenant' });
    const { cost } = ours['metrics'] as { cost: { requests: number; milliseconds: object } };
    assert.equal(typeof cost.requests, 'number');
    assert.equal(typeof cost.milliseconds, 'object');
    const bad = await api.get(`/api/search?q={}&${range}&sort=size`);
    assert.equal(bad.status, 400);
    assert.equal(bad.text, 'invalid sort: "size" is none of start, duration, spans, errors');
  });
});

test('errors say whose fault they are', async () => {
  const cases: [unknown, number, string][] = [
    [new RubatoError(ErrorKind.exhausted, 'x', 'too much'), 429, 'too much'],
    [new RubatoError(ErrorKind.unavailable, 'x', 'store is away'), 503, 'store is away'],
    [new RubatoError(ErrorKind.invalid, 'x', 'wrong'), 400, 'wrong'],
    [corrupt('block 1', 'bad checksum'), 500, 'block 1: bad checksum'],
    [new TypeError('secret of the inside'), 500, 'internal error'],
  ];
  for (const [error, status, text] of cases) {
    const ports = {
      traces: {
        trace: () => Promise.reject(error),
      },
    };
    await withApi({ ports }, async (api) => {
      const answer = await api.get('/api/traces/aa');
      assert.equal(answer.status, status);
      assert.equal(answer.text, text);
      assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
      assert.deepEqual(api.errors, status === 500 ? [error] : []);
    });
  }
});

test('a client that leaves stops its query', async () => {
  const started = Promise.withResolvers<AbortSignal>();
  const traces: ApiPorts['traces'] = {
    trace: (_request, _cost, signal) => {
      started.resolve(signal);
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
  };
  const done = Promise.withResolvers<number>();
  const ports = { traces, onRequest: ({ status }: { status: number }) => done.resolve(status) };
  await withApi({ ports }, async (api) => {
    const request = http.get(`${api.url}/api/traces/aa`);
    request.on('error', () => undefined);
    const signal = await started.promise;
    assert.equal(signal.aborted, false);
    request.destroy();
    assert.equal(await done.promise, 499);
    assert.equal(signal.aborted, true);
    assert.deepEqual(api.errors, []);
  });
});

test('a query that takes too long is given up', async () => {
  const traces: ApiPorts['traces'] = {
    trace: (_request, _cost, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  };
  await withApi({ ports: { traces }, options: { apiTimeoutMs: 20 } }, async (api) => {
    const answer = await api.get('/api/traces/aa');
    assert.equal(answer.status, 503);
    assert.equal(answer.text, 'unable to process request in the configured timeout');
  });
});

test('a denied URL is refused, others are not', async () => {
  await withApi({ options: { urlDenyList: [/limit=99\d/] } }, async (api) => {
    const answer = await api.get('/api/search?limit=999');
    assert.equal(answer.status, 400);
    assert.match(answer.text, /^Invalid request \/api\/search\?limit=999\. This query has been identified/);
    assert.equal((await api.get('/api/search?limit=98')).status, 200);
  });
});

test('the pages of the process', async () => {
  await withApi({}, async (api) => {
    assert.equal((await api.get('/ready')).text, 'ready\n');
    assert.equal((await api.get('/metrics')).text, 'up 1\n');
    assert.match(
      (await api.get('/status/version')).text,
      /^GET \/status\/version\nrubato, version 1\.2\.3 \(branch: main/,
    );
    assert.equal(
      (await api.get('/status/services')).text,
      [
        'GET /status/services',
        '+--------------+---------+--------------+',
        '| SERVICE NAME | STATUS  | FAILURE CASE |',
        '+--------------+---------+--------------+',
        '| read         | Running |              |',
        '| write        | Failed  | disk full    |',
        '+--------------+---------+--------------+',
        '',
      ].join('\n'),
    );
    assert.equal((await api.get('/status/config')).text, 'GET /status/config\n---\ntarget: all\n');
    assert.equal((await api.get('/status/config?mode=diff')).text, 'GET /status/config\n---\ntarget: diff\n');
    assert.equal((await api.get('/status/config?mode=defaults')).text, 'GET /status/config\n---\ntarget: default\n');
    assert.equal((await api.get('/status/config?mode=x')).status, 400);
    assert.equal((await api.get('/status/runtime_config')).text, 'GET /status/runtime_config\n---\noverrides: {}\n');
    const all = (await api.get('/status')).text;
    for (const page of ['version', 'services', 'endpoints', 'runtime_config', 'config'])
      assert.ok(all.includes(`GET /status/${page}\n`), page);
    assert.equal(JSON.parse((await api.get('/api/status/buildinfo')).text).version, '1.2.3');
  });
  const reason = 'Some services are not Running:\nStarting: 1';
  const status = { ...testPorts({}, []).status, readiness: () => ({ ready: false, reason }) };
  await withApi({ ports: { status } }, async (api) => {
    const answer = await api.get('/ready');
    assert.equal(answer.status, 503);
    assert.equal(answer.text, `${reason}\n`);
  });
});

test('protobuf is given where it is asked for, metrics too', async () => {
  await withApi({ fragment: trace(2) }, async (api) => {
    const metrics = encodeURIComponent('{} | rate()');
    const paths = [`/api/search?q={}&${range}`, `/api/search/tags?${range}`, `/api/v2/search/tags?${range}`].concat(
      [`/api/search/tag/service.name/values?${range}`, `/api/v2/search/tag/name/values?${range}`],
      [`/api/metrics/query_range?q=${metrics}&${range}`, `/api/metrics/query?q=${metrics}&${range}`],
    );
    for (const path of paths) {
      const answer = await api.get(path, { accept: 'application/protobuf' });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers['content-type'], 'application/protobuf');
      assert.ok(answer.body.length > 2, path);
      assert.equal(answer.body[0], 0x0a, path);
    }
  });
});

test('HTTP/2 gets the same answers', async () => {
  const errors: unknown[] = [];
  const ports = testPorts({ fragment: trace(3000, 500), limits: { traceBytesMax: 0 } }, errors);
  const api = createApi(ports, defaultApiOptions);
  const server = http2.createServer((request, response) => api.handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const ask = (path: string, headers: Record<string, string> = {}): Promise<{ status: number; body: Buffer }> =>
    new Promise((resolve, reject) => {
      const stream = client.request({ ':path': path, ...headers });
      const pieces: Buffer[] = [];
      let status = 0;
      stream.on('response', (answer) => (status = Number(answer[':status'])));
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('error', reject);
      stream.on('end', () => resolve({ status, body: Buffer.concat(pieces) }));
    });
  try {
    const whole = await ask('/api/traces/aa');
    assert.equal(whole.status, 200);
    assert.equal(whole.body.toString().match(/"spanId":/g)!.length, 3000);
    assert.deepEqual(gunzipSync((await ask('/api/traces/aa', { 'accept-encoding': 'gzip' })).body), whole.body);
    assert.equal((await ask('/api/traces/zz')).status, 400);
    assert.equal((await ask('/nosuch')).status, 404);
    assert.equal((await ask(`/api/search?q={}&${range}`)).status, 200);
    const [short] = await Promise.all([ask('/api/echo'), ask('/api/v2/traces/aa'), ask('/api/v2/traces/aa')]);
    assert.equal(short.body.toString(), 'echo\n');
    assert.deepEqual(errors, []);
  } finally {
    client.close();
    server.close();
  }
});

test('a streamed search gives what is known so far, a line each, and ends with the answer or with an error', async () => {
  const cost = { inspectedTraces: 1, inspectedSpans: 1, inspectedBytes: 1, requests: 0, pages: 0, totalBlocks: 0 };
  const answer = (count: number): SearchResult => ({
    traces: Array.from({ length: count }, (_, index) => ({
      traceId: String(index + 1).padStart(32, '0'),
      rootServiceName: 'shop',
      rootTraceName: 'buy',
      startUnixNano: 1n,
      durationNano: 1,
      spanSets: [],
      serviceStats: [],
    })),
    cost: { ...cost, totalBlockBytes: 0, totalJobs: 2, completedJobs: count, milliseconds: {} },
  });
  for (const fails of [false, true]) {
    const search: ApiPorts['engine']['search'] = async (_request, _signal, onPartial) => {
      onPartial!(answer(1));
      await new Promise((resolve) => setTimeout(resolve, 600));
      if (fails) throw new RubatoError(ErrorKind.exhausted, 'query_memory', 'too much memory');
      return answer(2);
    };
    const { engine } = testPorts({}, []);
    await withApi({ ports: { engine: Object.assign(Object.create(engine), { search }) } }, async (api) => {
      const { status, headers, text } = await api.get(`/api/search?q={}&${range}&stream=true`);
      assert.equal(status, 200);
      assert.equal(headers['content-type'], 'application/x-ndjson');
      const lines = text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      assert.deepEqual(
        lines.map((line) => line.traces?.length ?? line.error),
        fails ? [1, 'too much memory'] : [1, 2],
      );
    });
  }
  await withApi({}, async (api) => {
    assert.equal((await api.get(`/api/search?q={&${range}&stream=true`)).status, 400);
  });
});

/** What the engine was asked, without an engine. */
async function askedFor(path: string, limits: TestApiOptions['limits'] = {}) {
  type Asked = SearchRequest | MetricsRequest | TagNamesRequest | TagValuesRequest;
  const asked: Asked[] = [];
  const stop = (request: Asked): never => {
    asked.push(request);
    throw new RubatoError(ErrorKind.notFound, 'enough', 'enough');
  };
  const fail = () => assert.fail();
  const engine = {
    search: stop,
    metrics: stop,
    tagNames: stop,
    tagValues: stop,
    serviceGraph: fail,
    version: fail,
  };
  let text = '';
  await withApi({ ports: { engine }, limits, clock: new ManualClock((baseSeconds + 100) * 1000) }, async (api) => {
    text = (await api.get(path)).text;
  });
  return { asked: asked[0], text };
}

const seconds = (second: number): bigint => BigInt(second) * 1_000_000_000n;

test('without a time range a search covers as much as may be asked for, up to now', async () => {
  const hour = { searchDurationMaxMs: 3_600_000 };
  const now = baseSeconds + 100;
  for (const path of ['/api/search?q={}', '/api/search/tags', '/api/search/tag/x/values']) {
    const { asked } = await askedFor(path, hour);
    assert.deepEqual(asked?.range, { startUnixNano: seconds(now - 3600), endUnixNano: seconds(now) }, path);
    const since = await askedFor(`${path}${path.includes('?') ? '&' : '?'}since=30m&start=1&end=2`, hour);
    assert.deepEqual(since.asked?.range, { startUnixNano: seconds(now - 1800), endUnixNano: seconds(now) }, path);
  }
  const unlimited = await askedFor('/api/search?q={}', { searchDurationMaxMs: 0 });
  assert.deepEqual(unlimited.asked?.range, { startUnixNano: 0n, endUnixNano: 0n });
});

test('a range as long as allowed is accepted, a longer one is not', async () => {
  const hour = { searchDurationMaxMs: 3_600_000, metricsDurationMaxMs: 3_600_000 };
  const rate = encodeURIComponent('{} | rate()');
  const paths = [
    ['/api/search?q={}', 'range specified by start and end exceeds 1h0m0s. received start=1000 end=4601'],
    ['/api/search/tags?', 'range specified by start and end exceeds 1h0m0s. received start=1000 end=4601'],
    [
      `/api/metrics/query_range?q=${rate}&step=60s`,
      'metrics query time range exceeds the maximum allowed duration of 1h0m0s',
    ],
    [`/api/metrics/query?q=${rate}`, 'metrics query time range exceeds the maximum allowed duration of 1h0m0s'],
  ] as const;
  for (const [path, message] of paths) {
    assert.ok((await askedFor(`${path}&start=1000&end=4600`, hour)).asked, path);
    const refused = await askedFor(`${path}&start=1000&end=4601`, hour);
    assert.equal(refused.asked, undefined);
    assert.equal(refused.text, message);
  }
});

test('a metrics range is aligned to its step, with one interval before it', async () => {
  const { asked } = await askedFor(`/api/metrics/query_range?q={}|rate()&start=105&end=125&step=10`);
  const { range: aligned, stepNano, exemplars } = asked as MetricsRequest;
  assert.deepEqual(aligned, { startUnixNano: seconds(90), endUnixNano: seconds(130) });
  assert.equal(stepNano, seconds(10));
  assert.equal(exemplars, 100);
  const forms = ['start=1000&end=1600', 'start=1000.0&end=1600.000', 'start=1000000000000&end=1600000000000'].concat([
    'start=1970-01-01T00:16:40Z&end=1970-01-01T01:26:40.0%2B01:00',
  ]);
  for (const form of forms) {
    const instant = (await askedFor(`/api/metrics/query?query={}|rate()&${form}`)).asked as MetricsRequest;
    assert.deepEqual(instant.range, { startUnixNano: seconds(1000), endUnixNano: seconds(1600) }, form);
    assert.equal(instant.stepNano, 0n);
  }
  const now = baseSeconds + 100;
  const bare = (await askedFor('/api/metrics/query?q={}|rate()')).asked as MetricsRequest;
  assert.deepEqual(bare.range, { startUnixNano: seconds(now - 3600), endUnixNano: seconds(now) });
});

test('exemplars and series: the lower of what is asked and what is allowed', async () => {
  const ask = async (query: string, limits: TestApiOptions['limits'] = {}) => {
    const path = `/api/metrics/query_range?start=100&end=200&step=10&q=${query}`;
    const { exemplars, maxSeries } = (await askedFor(path, limits)).asked as MetricsRequest;
    return [exemplars, maxSeries];
  };
  assert.deepEqual(await ask('{}|rate()&exemplars=7&maxSeries=3'), [7, 3]);
  assert.deepEqual(await ask('{}|rate()&exemplars=0&maxSeries=0', { seriesMax: 9 }), [100, 9]);
  assert.deepEqual(await ask('{}|rate()&exemplars=700&maxSeries=30', { seriesMax: 9 }), [100, 9]);
  assert.deepEqual(await ask('{}|rate()with(exemplars=false)&exemplars=7'), [0, 0]);
  assert.deepEqual(await ask('{}|rate()&exemplars=x&maxSeries=-1'), [100, 0]);
});

test('search limits', async () => {
  const search = async (query: string, limits: TestApiOptions['limits'] = {}) => {
    const { asked, text } = await askedFor(`/api/search?${range}&q={}&${query}`, limits);
    const request = asked as SearchRequest | undefined;
    return request === undefined ? text : [request.limit, request.spansPerSpanSet];
  };
  assert.deepEqual(await search(''), [20, 3]);
  assert.deepEqual(await search('limit=5&spss=0'), [5, 3]);
  assert.equal(await search('limit=300000'), 'limit 300000 exceeds max limit 262144');
  assert.equal(await search('spss=101'), 'spans per span set exceeds 100. received 101');
  assert.deepEqual(await search('spss=101', { spansPerSpanSetMax: 0 }), [20, 101]);
  assert.equal(await search('limit=0'), 'invalid limit: must be a positive number');
  assert.equal(
    await search('limit=99999999999'),
    'invalid limit: strconv.ParseUint: parsing "99999999999": value out of range',
  );
  const long = { queryBytesMax: 1 };
  assert.match(String(await search('', long)), /^TraceQL expression exceeds the configured maximum size of 1 bytes/);
});

test('tag searches: the tags parameter, and every parameter when there is nothing else', async () => {
  const tags = async (query: string): Promise<unknown> => {
    const { asked, text } = await askedFor(`/api/search?${query}`);
    return asked === undefined ? text : (asked as { query: unknown }).query;
  };
  const none = { minDurationNano: 0, maxDurationNano: 0 };
  assert.deepEqual(await tags(`${range}&tags=${encodeURIComponent('a=b c="d e" f')}`), {
    tags: [
      { key: 'a', value: 'b' },
      { key: 'c', value: 'd e' },
      { key: 'f', value: '' },
    ],
    ...none,
  });
  assert.deepEqual(await tags('service.name=shop&limit=3'), {
    tags: [{ key: 'service.name', value: 'shop' }],
    ...none,
  });
  assert.deepEqual(await tags(`service.name=shop&${range}`), { tags: [], ...none });
  assert.deepEqual(await tags('minDuration=1s&maxDuration=2m'), {
    tags: [],
    minDurationNano: 1e9,
    maxDurationNano: 120e9,
  });
  assert.equal(await tags('tags=a%3D%3Db'), "invalid tags: unexpected '=' at pos 3");
  assert.equal(await tags('tags=a%3D%22b'), 'invalid tags: unterminated quoted value at pos 5');
});
