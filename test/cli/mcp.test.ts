import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { otlpOf, spanIdOf, type TestSpan, traceIdOf } from '../api/spans.ts';
import { request, startTestServer, type TestServer, temporaryFolder } from '../support/server.ts';

const startMs = Date.now() - 600_000;
const spans: readonly TestSpan[] = [
  { trace: 1, span: 1, service: 'shop', name: 'GET /', startMs, durationMs: 100, attributes: { route: '/' } },
  { trace: 1, span: 2, parent: 1, service: 'books', name: 'list', startMs: startMs + 10, durationMs: 50, error: true },
  { trace: 2, span: 3, service: 'shop', name: 'old', startMs: startMs - 7_200_000, durationMs: 5 },
];
const tenant = { 'x-scope-orgid': 'team' };
const folder = temporaryFolder('mcp');
let server: TestServer;
let client: Client;

before(async () => {
  const config = { multitenancy_enabled: true, query_frontend: { mcp_server: { enabled: true } } };
  server = await startTestServer({ dataFolder: folder.path, config });
  const headers = { ...tenant, 'content-type': 'application/x-protobuf' };
  assert.equal((await request(server.otlpHttp, { method: 'POST', headers, body: otlpOf(spans) })).status, 200);
  client = await connect(tenant);
});

after(async () => {
  await client.close();
  await server.stop();
  folder.remove();
});

async function connect(headers: Record<string, string>): Promise<Client> {
  const connected = new Client({ name: 'test', version: '1' });
  const transport = new StreamableHTTPClientTransport(new URL(`${server.http}/api/mcp`), { requestInit: { headers } });
  // The SDK's class is not exact about optional properties.
  await connected.connect(transport as Parameters<Client['connect']>[0]);
  return connected;
}

async function call(name: string, input: Record<string, string> = {}): Promise<{ text: string; isError: boolean }> {
  const { content, isError } = await client.callTool({ name, arguments: input });
  const [only] = content as { type: string; text: string }[];
  assert.equal(only?.type, 'text');
  return { text: only.text, isError: isError === true };
}

const iso = (ms: number): string => new Date(ms).toISOString();

test('the tools are those of Tempo, with their arguments', async () => {
  const { tools } = await client.listTools();
  const shapes = tools.map(({ name, inputSchema }) => {
    const required = inputSchema.required ?? [];
    const input = Object.keys(inputSchema.properties ?? {}).map((key) => (required.includes(key) ? key : `${key}?`));
    return `${name}(${input.join(', ')})`;
  });
  assert.deepEqual(shapes, [
    'traceql-search(query, start?, end?)',
    'traceql-metrics-instant(query, start?, end?)',
    'traceql-metrics-range(query, start?, end?)',
    'get-trace(trace_id)',
    'get-attribute-names(scope?)',
    'get-attribute-values(name, filter-query?)',
    'docs-traceql(name)',
    'docs-config(name)',
  ]);
  for (const { description, annotations } of tools) {
    assert.ok(description!.length > 20);
    assert.equal(annotations?.readOnlyHint, true);
  }
});

test('searches see the last hour, or the range they name', async () => {
  const recent = JSON.parse((await call('traceql-search', { query: '{ resource.service.name = "shop" }' })).text);
  assert.deepEqual(
    recent.traces.map(({ traceID }: { traceID: string }) => traceID.padStart(32, '0')),
    [traceIdOf(1)],
  );
  const range = { start: iso(startMs - 7_300_000), end: iso(startMs - 7_100_000) };
  const old = JSON.parse((await call('traceql-search', { query: '{}', ...range })).text);
  assert.deepEqual(
    old.traces.map(({ traceID }: { traceID: string }) => traceID.padStart(32, '0')),
    [traceIdOf(2)],
  );
});

test('metrics are computed over time and over a range as a whole', async () => {
  const query = '{ } | count_over_time()';
  const instant = JSON.parse((await call('traceql-metrics-instant', { query })).text);
  assert.equal(instant.series[0].value, 2);
  const { series } = JSON.parse((await call('traceql-metrics-range', { query })).text) as {
    series: { samples: { value?: number }[] }[];
  };
  assert.equal(
    series[0]!.samples.reduce((sum, { value = 0 }) => sum + value, 0),
    2,
  );
});

test('a trace is read in the form for models', async () => {
  const { trace } = JSON.parse((await call('get-trace', { trace_id: '1' })).text);
  assert.equal(trace.traceId, traceIdOf(1));
  assert.deepEqual(trace.services.map(({ serviceName }: { serviceName: string }) => serviceName).sort(), [
    'books',
    'shop',
  ]);
  assert.ok(JSON.stringify(trace).includes(spanIdOf(2)));
  assert.deepEqual(await call('get-trace', { trace_id: 'abc' }), { text: '{}', isError: false });
});

test('names and values of attributes are told', async () => {
  const { scopes } = JSON.parse((await call('get-attribute-names', { scope: 'span' })).text);
  assert.deepEqual(scopes, [{ name: 'span', tags: ['route'] }]);
  const all = JSON.parse((await call('get-attribute-names')).text) as { scopes: { name: string }[] };
  assert.ok(all.scopes.some(({ name }) => name === 'resource'));
  const { tagValues } = JSON.parse((await call('get-attribute-values', { name: 'resource.service.name' })).text);
  assert.deepEqual(tagValues.map(({ value }: { value: string }) => value).sort(), ['books', 'shop']);
  const filter = { name: 'resource.service.name', 'filter-query': '{ status = error }' };
  assert.deepEqual(JSON.parse((await call('get-attribute-values', filter)).text).tagValues, [
    { type: 'string', value: 'books' },
  ]);
});

test('documents are tools and resources alike', async () => {
  const { resources } = await client.listResources();
  assert.deepEqual(resources.map(({ uri }) => uri).sort(), [
    'docs://config/overview',
    'docs://config/reference',
    'docs://traceql/aggregates',
    'docs://traceql/basic',
    'docs://traceql/metrics',
    'docs://traceql/query',
    'docs://traceql/structural',
  ]);
  for (const { uri } of resources) {
    const [, subject, name] = /^docs:\/\/(\w+)\/(\w+)$/.exec(uri)!;
    const { contents } = await client.readResource({ uri });
    const { text } = contents[0] as { text: string };
    assert.ok(text.startsWith('# '), uri);
    assert.equal((await call(`docs-${subject}`, { name: name! })).text, text);
  }
  assert.match((await call('docs-config', { name: 'reference' })).text, /^ +http_listen_port: 3200$/m);
});

test('a mistake is answered with what is wrong', async () => {
  const wrong: [name: string, input: Record<string, string>, reason: RegExp][] = [
    ['traceql-search', { query: '{ bad' }, /^invalid TraceQL query: parse error at line 1/],
    ['traceql-search', { query: '{} | rate()' }, /use traceql-metrics-range/],
    ['traceql-search', { query: '{}', start: 'yesterday' }, /start/],
    ['traceql-search', { query: '{}', start: iso(startMs), end: iso(startMs) }, /start must be before end/],
    ['traceql-search', { query: '{}', start: iso(startMs - 9 * 86_400_000) }, /exceeds 168h0m0s/],
    ['traceql-metrics-range', { query: '{}' }, /no metrics stage/],
    ['traceql-metrics-instant', { query: '{} | rate(' }, /parse error/],
    ['get-trace', { trace_id: 'xyz' }, /trace IDs can only contain hex characters/],
    ['get-attribute-names', { scope: 'planet' }, /scope/],
    ['get-attribute-values', { name: '{' }, /please provide a valid tagName/],
    ['docs-traceql', { name: 'poetry' }, /name/],
  ];
  for (const [name, input, reason] of wrong) {
    const { text, isError } = await call(name, input);
    assert.equal(isError, true, `${name} ${JSON.stringify(input)}: ${text}`);
    assert.match(text, reason);
  }
});

test('tenants are kept apart, and a request without one is refused as on other routes', async () => {
  const other = await connect({ 'x-scope-orgid': 'other' });
  const { content } = await other.callTool({ name: 'traceql-search', arguments: { query: '{}' } });
  assert.deepEqual(JSON.parse((content as { text: string }[])[0]!.text).traces, []);
  await other.close();
  const { status, body } = await post({}, '{}');
  assert.deepEqual([status, body], [401, 'no org id']);
});

test('what is not a request of MCP is refused in its terms', async () => {
  const list = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
  assert.equal((await post(tenant, list)).status, 200);
  assert.equal((await post(tenant, '{')).status, 400);
  assert.equal((await post({ ...tenant, accept: 'text/plain' }, list)).status, 406);
  assert.equal((await request(`${server.http}/api/mcp`, { headers: tenant })).status, 405);
  const foreign = { ...tenant, origin: 'https://evil.example' };
  assert.equal((await post(foreign, list)).status, 403);
  // A name that was made to point here looks like the same origin.
  assert.equal((await post({ ...foreign, host: 'evil.example' }, list)).status, 403);
  assert.equal((await post({ ...tenant, origin: server.http }, list)).status, 200);
});

test('calls are counted', async () => {
  const metrics = (await request(`${server.http}/metrics`)).body.toString();
  assert.match(metrics, /^tempo_query_frontend_mcp_calls_total\{tool="get-trace"\} [1-9]/m);
});

test('a request that is too large is refused before it is read', async () => {
  assert.equal((await post(tenant, ' '.repeat(2_000_000))).status, 413);
});

async function post(headers: Record<string, string>, text: string): Promise<{ status: number; body: string }> {
  const answer = await request(`${server.http}/api/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: Buffer.from(text),
  });
  return { status: answer.status, body: answer.body.toString() };
}
