/** What a tenant's admin can try to see, change or remove of another tenant, and what nobody may have asked for at all. */
import assert from 'node:assert/strict';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { hashToken, makeToken } from '../../src/auth/token-hash.ts';
import { otlpOf } from '../api/spans.ts';
import { grpcCall } from '../support/grpc-call.ts';
import { type Answer, request, startTestServer, type TestServer, temporaryFolder } from '../support/server.ts';

const folder = temporaryFolder('isolation');
const victim = makeToken();
const mallory = makeToken();
/** In names, services and attributes of the victim's spans; of nobody else's. */
const marker = 'victims-secret';
const traceId = '1'.padStart(32, '0');
const startMs = Date.now() - 10_000;
let server: TestServer;

const asVictim = { authorization: `Bearer ${victim}` };
const asMallory = { authorization: `Bearer ${mallory}` };

before(async () => {
  const owner = (name: string, token: string, tenant: string) => ({
    name,
    token_hash: hashToken(token),
    roles: ['admin'],
    tenants: [tenant],
  });
  server = await startTestServer({
    dataFolder: folder.path,
    config: {
      multitenancy_enabled: true,
      backend_scheduler: { redaction_api: true },
      query_frontend: { mcp_server: { enabled: true } },
      overrides: { user_configurable_overrides: { enabled: true } },
      auth: { tokens: [owner('victim', victim, 'a'), owner('mallory', mallory, 'b')], max_failures: 10_000 },
    },
  });
  const span = { trace: 1, span: 1, service: marker, name: marker, startMs, durationMs: 30 };
  assert.equal((await send(asVictim, otlpOf([span]))).status, 200);
});
after(async () => {
  await server?.stop();
  folder.remove();
});

function send(headers: Record<string, string>, body: Uint8Array): Promise<Answer> {
  const type = { 'content-type': 'application/x-protobuf' };
  return request(server.otlpHttp, { method: 'POST', headers: { ...type, ...headers }, body });
}

const get = (path: string, headers: Record<string, string>): Promise<Answer> =>
  request(`${server.http}${path}`, { headers });

const range = `start=${Math.floor(startMs / 1000) - 60}&end=${Math.ceil(startMs / 1000) + 60}`;
const dataPaths = [
  `/api/search?q=%7B%7D&${range}`,
  `/api/search?q=%7B%7D&stream=true&${range}`,
  `/api/search/tag/service.name/values?${range}`,
  `/api/v2/search/tag/resource.service.name/values?${range}`,
  `/api/metrics/query_range?q=%7B%7D%7Crate()by(name)&${range}`,
  `/api/metrics/query?q=%7B%7D%7Crate()by(name)&${range}`,
  `/api/service-graph?${range}`,
  `/api/traces/${traceId}`,
  `/api/v2/traces/${traceId}`,
  `/api/ui/trace-columns/${traceId}`,
  `/api/ui/trace-attribute/${traceId}?name=resource.service.name`,
  `/api/ui/trace-find/${traceId}?text=victim`,
  `/api/ui/span/${traceId}?span=0000000000000001`,
  '/jaeger/api/services',
  `/jaeger/api/traces/${traceId}`,
  `/jaeger/api/traces?service=${marker}`,
];

/** Everything that could be taken for tenant `a`. */
const names = [
  'a',
  ' a',
  'a ',
  'a:x=y',
  'b|a',
  'a|b',
  'b||a',
  'b|a:b',
  'b:|a',
  'A',
  'a,b',
  'b, a',
  '%61',
  'b%7Ca',
  'a%00',
].concat(
  [
    '../a',
    'b/../a',
    '..',
    '.',
    './a',
    'a/',
    '/a',
    '\\a',
    '=2Ea',
    'a\tb',
    '\u00e1',
    '\u0430',
    '\uff41',
    '*',
    'single-tenant',
    'all',
  ].map((name) => Buffer.from(name).toString('latin1')),
);

test('no name, however it is written, opens the data of another tenant', async () => {
  for (const name of names) {
    const { status, body } = await get(dataPaths[0]!, { ...asMallory, 'x-scope-orgid': name });
    assert.ok([400, 401, 403].includes(status), `${JSON.stringify(name)}: ${status}`);
    assert.ok(!body.includes(marker));
  }
});

test('what caches keep of a tenant is not given to another', async () => {
  for (const path of dataPaths) {
    const own = await get(path, asVictim);
    assert.equal(own.status, 200, path);
    const others = await get(path, asMallory);
    assert.ok(!others.body.includes(marker), `${path} of tenant b`);
    assert.equal((await get(path, { ...asMallory, 'x-scope-orgid': 'a' })).status, 403, path);
    assert.equal((await get(path, { 'x-scope-orgid': 'a' })).status, 401, path);
  }
});

test('that a trace of somebody else exists cannot be told', async () => {
  for (const path of ['/api/traces/', '/api/ui/trace-columns/', '/jaeger/api/traces/']) {
    const [existing, other] = [await get(path + traceId, asMallory), await get(path + 'f'.repeat(32), asMallory)];
    assert.equal(existing.status, other.status, path);
    assert.deepEqual(existing.body.toString().replace(traceId, ''), other.body.toString().replace('f'.repeat(32), ''));
  }
});

/** Sends bytes as they are; resolves with everything that comes back. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { port, hostname } = new URL(server.http);
    const socket = net.connect(Number(port), hostname, () => socket.write(bytes, 'latin1'));
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('error', reject).on('close', () => resolve(text));
  });
}

test('headers that proxies and servers read differently open nothing', async () => {
  const [path] = dataPaths;
  const head = (lines: readonly string[]): string =>
    [`GET ${path} HTTP/1.1`, 'host: x', `authorization: Bearer ${mallory}`, ...lines, 'connection: close', '', ''].join(
      '\r\n',
    );
  const hidden = `GET ${path} HTTP/1.1\r\nhost: x\r\nx-scope-orgid: a\r\nauthorization: Bearer ${mallory}\r\n\r\n`;
  const attempts = [
    head(['x-scope-orgid: b', 'x-scope-orgid: a']),
    head(['x-scope-orgid: b', 'X_Scope_OrgID: a']),
    head(['x-scope-orgid : a']),
    head(['x-scope-orgid: b\n a']),
    head(['x-scope-orgid: b\r\n\ta']),
    head(['x-scope-orgid: b\0a']),
    head(['x-scope-orgid: b', 'x-original-url: /x', 'x-forwarded-prefix: /', 'x-tenant: a', 'x-webauth-user: victim']),
    head([`authorization: Bearer ${victim.slice(0, -1)}`]),
    head(['transfer-encoding: chunked', `content-length: ${hidden.length + 5}`, '', '0', '', hidden]),
    head(['transfer-encoding: xchunked', '', hidden]),
  ];
  for (const attempt of attempts) {
    const answer = await raw(attempt);
    assert.ok(answer.startsWith('HTTP/1.1 '), attempt);
    assert.ok(!answer.includes(marker), attempt);
  }
});

test('no way of writing a path goes past the question who asks', async () => {
  const paths = ['/status/config', '//status/config', '/status%2Fconfig', '/status/config/', '/STATUS/config'].concat(
    [
      '/ready/../status/config',
      '/ready/..%2fstatus/config',
      '/api/echo/%2e%2e/%2e%2e/status/config',
      '/status/config%00',
    ],
    ['/assets/../status/config', '/status/config;x', '/status/config?x=/ready', '/%73tatus/config', '/./status/config'],
  );
  for (const path of paths) {
    const answer = await raw(`GET ${path} HTTP/1.1\r\nhost: x\r\naccept: text/plain\r\nconnection: close\r\n\r\n`);
    assert.doesNotMatch(answer, /multitenancy_enabled/, path);
  }
  const absolute = await raw(
    `GET http://x${dataPaths[0]} HTTP/1.1\r\nhost: x\r\nx-scope-orgid: a\r\nconnection: close\r\n\r\n`,
  );
  assert.ok(!absolute.includes(marker));
});

test('gRPC metadata opens nothing either', async () => {
  const search = '/tempopb.StreamingQuerier/SearchTags';
  for (const name of ['a', 'b|a', 'b, a', 'a:x', '../a']) {
    const status = await grpcCall(server.http, search, new Uint8Array(0), { ...asMallory, 'x-scope-orgid': name });
    assert.notEqual(status, 0, name);
  }
  const bin = { ...asMallory, 'x-scope-orgid-bin': Buffer.from('a').toString('base64') };
  assert.equal(
    await grpcCall(server.http, search, new Uint8Array(0), bin),
    0,
    'her own tenant, as if it were not there',
  );
});

test('nobody writes into another tenant', async () => {
  const spans = otlpOf([{ trace: 1, span: 66, service: 'mallory', name: 'planted', startMs, durationMs: 1 }]);
  for (const name of names) {
    const { status } = await send({ ...asMallory, 'x-scope-orgid': name }, spans);
    assert.ok(status >= 400, `${JSON.stringify(name)}: ${status}`);
  }
  assert.equal((await send(asMallory, spans)).status, 200, 'the same ids in her own');
  assert.ok(!(await get(`/api/v2/traces/${traceId}`, asVictim)).body.includes('planted'));
});

const post = (path: string, headers: Record<string, string>, json: unknown, method = 'POST'): Promise<Answer> =>
  request(`${server.http}${path}`, { method, headers, body: Buffer.from(JSON.stringify(json)) });

test('nobody removes traces or sets limits of another tenant', async () => {
  for (const name of names) {
    const headers = { ...asMallory, 'x-scope-orgid': name };
    for (const answer of [
      await post('/api/redact', headers, { traceIds: [traceId] }),
      await post('/api/overrides', headers, { forwarders: [] }, 'PATCH'),
    ])
      assert.ok([400, 401, 403].includes(answer.status), `${JSON.stringify(name)}: ${answer.status}`);
  }
  assert.equal((await get('/api/overrides', asVictim)).status, 404, 'none were set');
  assert.equal((await get(`/api/v2/traces/${traceId}`, asVictim)).status, 200);
});

test('no address that a tenant sets is ever asked', async () => {
  let asked = 0;
  const listener = http.createServer((_request, response) => response.end());
  listener.on('connection', () => asked++);
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  const url = `http://${address}/`;
  const fields = [
    { metrics_generator: { remote_write_headers: { x: url } } },
    { metrics_generator: { remote_write: [{ url }] } },
    { metrics_generator: { storage: { remote_write: [{ url }] } } },
    { metrics_generator: { forwarder: { endpoint: address } } },
    { storage: { trace: { s3: { endpoint: address } } } },
    { distributor: { forwarders: [{ name: 'x', otlpgrpc: { endpoints: [address] } }] } },
    { forwarders: [{ name: 'x', otlpgrpc: { endpoints: [address] } }] },
    { auth: { jwt: { jwks_url: url } } },
  ];
  for (const field of fields)
    assert.equal((await post('/api/overrides', asMallory, field, 'PATCH')).status, 400, JSON.stringify(field));
  // A forwarder is a name of the operator's; an address is the name of none.
  assert.equal((await post('/api/overrides', asMallory, { forwarders: [address, url] }, 'PATCH')).status, 200);
  const span = { trace: 2, span: 1, service: url, name: url, startMs, durationMs: 1 };
  assert.equal((await send(asMallory, otlpOf([span]))).status, 200);
  const mcp = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: { url, resource: url } };
  await post(
    '/api/mcp',
    { ...asMallory, 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    mcp,
  );
  assert.equal(asked, 0);
  listener.close();
});
