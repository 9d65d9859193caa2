/** Who gets in, by which credential, and what they may then do: over HTTP, gRPC and every receiver of a running server. */
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { SignJWT } from 'jose';
import { hashPassword } from '../../src/auth/password-hash.ts';
import { hashToken, makeToken } from '../../src/auth/token-hash.ts';
import { makeRequest } from '../support/cluster.ts';
import { grpcCall } from '../support/grpc-call.ts';
import {
  type Answer,
  freePort,
  request,
  startTestServer,
  type TestServer,
  temporaryFolder,
} from '../support/server.ts';

const folder = temporaryFolder('auth');
const password = 'correct horse';
/** Stands in every place of the configuration that holds a secret. */
const secret = 'MARKED-SECRET';
const tokens = { writeA: makeToken(), readA: makeToken(), readAB: makeToken(), adminA: makeToken(), root: makeToken() };
const issuerKeys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const strangerKeys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const issuer = 'https://issuer.example';

let server: TestServer;
let zipkin: number;
let jaegerHttp: number;
let jaegerGrpc: number;

before(async () => {
  [zipkin = 0, jaegerHttp = 0, jaegerGrpc = 0] = await Promise.all([freePort(), freePort(), freePort()]);
  const jwks = path.join(folder.path, 'jwks.json');
  writeFileSync(
    jwks,
    JSON.stringify({ keys: [{ ...issuerKeys.publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256' }] }),
  );
  const overridesFile = path.join(folder.path, 'overrides.yaml');
  writeFileSync(
    overridesFile,
    `overrides: { a: { metrics_generator: { remote_write_headers: { x-tenant-key: ${secret} } } } }`,
  );
  const token = (name: keyof typeof tokens, role: string, tenants: string[]) => ({
    name,
    token_hash: hashToken(tokens[name]),
    roles: [role],
    tenants,
  });
  server = await startTestServer({
    dataFolder: folder.path,
    receivers: {
      zipkin: { endpoint: `127.0.0.1:${zipkin}` },
      jaeger: {
        protocols: {
          thrift_http: { endpoint: `127.0.0.1:${jaegerHttp}` },
          grpc: { endpoint: `127.0.0.1:${jaegerGrpc}` },
        },
      },
    },
    config: {
      multitenancy_enabled: true,
      backend_scheduler: { redaction_api: true },
      overrides: {
        user_configurable_overrides: { enabled: true },
        per_tenant_override_config: overridesFile,
        defaults: { metrics_generator: { remote_write_headers: { 'x-default-key': secret } } },
      },
      metrics_generator: {
        storage: {
          remote_write: [
            {
              url: `http://writer:${secret}@127.0.0.1:1/push`,
              basic_auth: { username: 'u', password: secret },
              headers: { 'x-api-key': secret },
            },
          ],
        },
      },
      // Of backends that are not used; those keys are there all the same.
      storage: {
        trace: {
          local: { path: path.join(folder.path, 'data') },
          s3: { access_key: secret, secret_key: secret, session_token: secret },
          azure: { storage_account_key: secret },
        },
      },
      auth: {
        users: [
          {
            name: 'grafana',
            password_hash: await hashPassword(password, { logN: 14, r: 8, p: 1 }),
            roles: ['read'],
            tenants: ['a'],
          },
        ],
        tokens: [
          token('writeA', 'write', ['a']),
          token('readA', 'read', ['a']),
          token('readAB', 'read', ['a', 'b']),
          token('adminA', 'admin', ['a']),
          token('root', 'admin', ['*']),
        ],
        jwt: {
          issuer,
          audience: 'rubato',
          jwks_file: jwks,
          roles_claim: 'realm_access.roles',
          tenants_claim: 'https://rubato/tenants',
          role_names: { read: ['trace-viewer'] },
        },
        max_failures: 40,
      },
    },
  });
});
after(async () => {
  await server?.stop();
  folder.remove();
});

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
const get = (path_: string, headers: Record<string, string> = {}): Promise<Answer> =>
  request(`${server.http}${path_}`, { headers });

async function jwt(
  claims: Record<string, unknown>,
  { key = issuerKeys.privateKey, header = {} }: { key?: KeyObject; header?: Record<string, unknown> } = {},
): Promise<string> {
  const whole = { iss: issuer, aud: 'rubato', exp: Math.floor(Date.now() / 1000) + 60, sub: 'ann', ...claims };
  return new SignJWT(whole).setProtectedHeader({ alg: 'RS256', kid: 'one', ...header }).sign(key);
}

const viewer = { realm_access: { roles: ['trace-viewer'] }, 'https://rubato/tenants': ['a'] };

test('without credentials only what tells nothing is answered', async () => {
  for (const open of ['/ready', '/api/echo']) assert.equal((await get(open)).status, 200, open);
  const closed = [
    '/api/search?q={}',
    '/api/v2/traces/1',
    '/api/search/tags',
    '/api/status/buildinfo',
    '/metrics',
  ].concat(
    ['/status', '/status/config', '/status/overrides', '/api/overrides', '/api/redact', '/metrics/spans'],
    ['/jaeger/api/services', '/api/ui/settings', '/api/ui/trace-columns/1', '/api/service-graph'],
  );
  for (const path_ of closed) {
    const { status, headers } = await get(path_, { 'x-scope-orgid': 'a' });
    assert.equal(status, 401, path_);
    assert.equal(headers['www-authenticate'], 'Basic realm="rubato", charset="UTF-8", Bearer realm="rubato"');
  }
});

test('a password, a token and a JWT each open what their owner may see', async () => {
  for (const credential of [basic(`grafana:${password}`), bearer(tokens.readA), bearer(await jwt(viewer))]) {
    assert.equal((await get('/api/search?q={}', { ...credential, 'x-scope-orgid': 'a' })).status, 200);
    assert.equal((await get('/api/search?q={}', credential)).status, 200, 'a single tenant need not be named');
    assert.equal((await get('/api/search?q={}', { ...credential, 'x-scope-orgid': 'b' })).status, 403);
    assert.equal((await get('/api/search?q={}', { ...credential, 'x-scope-orgid': 'a|b' })).status, 403);
    assert.equal((await get('/metrics', credential)).status, 403, 'metrics tell of all tenants');
    assert.equal((await get('/status/config', credential)).status, 403);
  }
});

test('several tenants must be named, and may be asked together', async () => {
  const credential = bearer(tokens.readAB);
  assert.equal((await get('/api/search?q={}', credential)).status, 401, 'no org id');
  assert.equal((await get('/api/search?q={}', { ...credential, 'x-scope-orgid': 'b|a' })).status, 200);
  assert.equal((await get('/api/search?q={}', { ...credential, 'x-scope-orgid': 'a|b|c' })).status, 403);
});

test('credentials that are almost right are refused', async () => {
  const wrong = [
    basic('grafana:wrong'),
    basic('Grafana:correct horse'),
    basic('nobody:correct horse'),
    basic(password),
    { authorization: 'Basic' },
    { authorization: `Digest ${tokens.readA}` },
    bearer(tokens.readA.slice(0, -1)),
    bearer(`${tokens.readA}x`),
    bearer(hashToken(tokens.readA)),
    bearer(''),
  ];
  for (const headers of wrong)
    assert.equal((await get('/api/search?q={}', headers)).status, 401, headers.authorization);
});

test('a JWT is refused unless this issuer made it, for us, for now, by its own key', async () => {
  const now = Math.floor(Date.now() / 1000);
  const pem = issuerKeys.publicKey.export({ format: 'pem', type: 'spki' }).toString();
  const unsigned = [{ alg: 'none' }, { iss: issuer, aud: 'rubato', exp: now + 60, sub: 'ann', ...viewer }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const byPublicKey = [
    { alg: 'HS256', kid: 'one' },
    { iss: issuer, aud: 'rubato', exp: now + 60, ...viewer },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const good = await jwt(viewer);
  const refused = {
    'another key': await jwt(viewer, { key: strangerKeys.privateKey }),
    'a key that it brings along': await jwt(viewer, {
      key: strangerKeys.privateKey,
      header: { jwk: strangerKeys.publicKey.export({ format: 'jwk' }), kid: 'two', jku: `${issuer}/mine` },
    }),
    'another issuer': await jwt({ ...viewer, iss: 'https://other.example' }),
    'another audience': await jwt({ ...viewer, aud: 'grafana' }),
    'an end that is over': await jwt({ ...viewer, exp: now - 60 }),
    'no end': await jwt({ ...viewer, exp: undefined }),
    'a beginning that is not yet': await jwt({ ...viewer, nbf: now + 600 }),
    'no signature': `${unsigned}.`,
    'the public key as a shared one': `${byPublicKey}.${createHmac('sha256', pem).update(byPublicKey).digest('base64url')}`,
    'other claims under a good signature': `${good.split('.')[0]}.${byPublicKey.split('.')[1]}.${good.split('.')[2]}`,
  };
  for (const [why, token] of Object.entries(refused))
    assert.equal((await get('/api/search?q={}', bearer(token))).status, 401, why);
  assert.equal(
    (await get('/api/search?q={}', bearer(await jwt({ ...viewer, realm_access: { roles: ['root'] } })))).status,
    403,
  );
  assert.equal(
    (await get('/api/search?q={}', bearer(await jwt({ ...viewer, 'https://rubato/tenants': [] })))).status,
    401,
  );
});

test('roles: writing is not reading, reading is not writing, and only admins change limits and remove traces', async () => {
  const { body, traceIds } = makeRequest(1, Date.now());
  const send = (headers: Record<string, string>) =>
    request(server.otlpHttp, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf', ...headers },
      body,
    });
  assert.equal((await send(bearer(tokens.writeA))).status, 200);
  assert.equal((await send(bearer(tokens.readA))).status, 403);
  assert.equal((await send({ ...bearer(tokens.writeA), 'x-scope-orgid': 'b' })).status, 403);
  assert.equal((await get(`/api/v2/traces/${traceIds[0]}`, bearer(tokens.readA))).status, 200);
  assert.equal((await get(`/api/v2/traces/${traceIds[0]}`, bearer(tokens.writeA))).status, 403);

  const post = (path_: string, headers: Record<string, string>, json: unknown, method = 'POST') =>
    request(`${server.http}${path_}`, { method, headers, body: Buffer.from(JSON.stringify(json)) });
  const limits = { cost_attribution: { dimensions: { 'resource.service.name': '' } } };
  assert.equal((await post('/api/overrides', bearer(tokens.readA), limits, 'PATCH')).status, 403);
  assert.equal(
    (await post('/api/overrides', { ...bearer(tokens.adminA), 'x-scope-orgid': 'b' }, limits, 'PATCH')).status,
    403,
  );
  assert.equal((await post('/api/overrides', bearer(tokens.adminA), limits, 'PATCH')).status, 200);
  assert.equal((await get('/api/overrides', bearer(tokens.readA))).status, 200);
  assert.equal((await post('/api/redact', bearer(tokens.readA), { traceIds })).status, 403);
  const foreign = { ...bearer(tokens.adminA), origin: 'https://evil.example' };
  assert.equal((await post('/api/redact', foreign, { traceIds })).status, 403, 'a page of another origin');
  assert.equal((await get('/status/overrides', bearer(tokens.adminA))).status, 403, 'it tells of all tenants');
  assert.equal((await get('/status/overrides', bearer(tokens.root))).status, 200);
  assert.equal((await post('/api/redact', bearer(tokens.adminA), { traceIds })).status, 200);

  const audited = server
    .log()
    .split('\n')
    .filter((line) => line.includes('"part":"audit"'))
    .map(
      (line) =>
        JSON.parse(line) as { act: string; principal?: string; status: number; details: Record<string, unknown> },
    );
  assert.deepEqual(
    audited
      .filter(({ principal }) => principal !== undefined)
      .map(({ act, principal, status }) => `${status} ${principal} ${act}`),
    [
      '403 token:readA PATCH /api/overrides',
      '403 token:adminA PATCH /api/overrides',
      '200 token:adminA PATCH /api/overrides',
      '403 token:readA POST /api/redact',
      '403 token:adminA POST /api/redact',
      '200 token:adminA POST /api/redact',
    ],
  );
  assert.deepEqual(audited.at(-1)?.details['traceIds'], traceIds);
  assert.deepEqual(audited.find(({ status }) => status === 200)?.details['limits'], limits);
});

test('every receiver asks before it reads', async () => {
  const { body } = makeRequest(1, Date.now());
  const http = {
    'otlp/http': [server.otlpHttp, 'application/x-protobuf', 200],
    zipkin: [`http://127.0.0.1:${zipkin}/api/v2/spans`, 'application/json', 202],
    'jaeger/thrift_http': [`http://127.0.0.1:${jaegerHttp}/api/traces`, 'application/x-thrift', 400],
  } as const;
  for (const [name, [url, type, good]] of Object.entries(http)) {
    const post = async (headers: Record<string, string>) =>
      request(url, {
        method: 'POST',
        headers: { 'content-type': type, ...headers },
        body: name === 'zipkin' ? Buffer.from('[]') : name === 'otlp/http' ? body : Buffer.from('garbage'),
      });
    const refused = await post({ 'x-scope-orgid': 'a' });
    assert.equal(refused.status, 401, name);
    assert.match(String(refused.headers['www-authenticate']), /Basic/);
    assert.equal((await post(bearer(tokens.writeA))).status, good, name);
  }
  const grpc = {
    [server.otlpGrpc]: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    [`http://127.0.0.1:${jaegerGrpc}`]: '/jaeger.api_v2.CollectorService/PostSpans',
  };
  for (const [url, method] of Object.entries(grpc)) {
    const empty = new Uint8Array(0);
    assert.equal(await grpcCall(url, method, empty, { 'x-scope-orgid': 'a' }), 16);
    assert.equal(await grpcCall(url, method, empty, bearer(tokens.readA)), 7);
    assert.equal(await grpcCall(url, method, empty, { ...bearer(tokens.writeA), 'x-scope-orgid': 'b' }), 7);
    assert.equal(await grpcCall(url, method, empty, bearer(tokens.writeA)), 0);
  }
});

test('gRPC asks for the same on both ports', async () => {
  const empty = new Uint8Array(0);
  for (const url of [server.http, `http://${server.grpc}`]) {
    assert.equal(await grpcCall(url, '/grpc.health.v1.Health/Check', empty), 0);
    for (const method of ['Search', 'SearchTags', 'MetricsQueryRange'].map(
      (name) => `/tempopb.StreamingQuerier/${name}`,
    )) {
      assert.equal(await grpcCall(url, method, empty, { 'x-scope-orgid': 'a' }), 16, method);
      assert.equal(await grpcCall(url, method, empty, { ...bearer(tokens.readA), 'x-scope-orgid': 'b' }), 7, method);
      assert.equal(await grpcCall(url, method, empty, bearer(tokens.writeA)), 7, method);
    }
    assert.equal(await grpcCall(url, '/tempopb.StreamingQuerier/SearchTags', empty, bearer(tokens.readA)), 0);
    assert.equal(await grpcCall(url, '/jaeger.api_v3.QueryService/GetServices', empty, bearer(tokens.writeA)), 7);
    const reflection = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
    assert.equal(await grpcCall(url, reflection, empty), 16);
  }
});

test('no page and no log line shows a secret', async () => {
  const pages = ['/status', '/status/config', '/status/config?mode=diff', '/status/runtime_config', '/metrics'].concat([
    '/status/runtime_config?mode=diff',
    '/status/overrides/a',
    '/api/overrides?scope=merged',
  ]);
  for (const page of pages) {
    const { status, body } = await get(page, { ...bearer(tokens.root), 'x-scope-orgid': 'a' });
    assert.equal(status, 200, page);
    for (const kept of [secret, password, ...Object.values(tokens), ...Object.values(tokens).map(hashToken)])
      assert.ok(!body.includes(kept), `${page} shows ${kept}`);
  }
  assert.match((await get('/status/config', bearer(tokens.root))).body.toString(), /password: <secret>/);
  for (const kept of [secret, password, ...Object.values(tokens)]) assert.ok(!server.log().includes(kept));
});

test('who fails too often is told to wait, while those who are known go on', async () => {
  assert.equal((await get('/api/search?q={}', basic(`grafana:${password}`))).status, 200);
  let last: Answer | undefined;
  for (let tries = 0; last?.status !== 429 && tries < 60; tries++) last = await get('/api/search?q={}', bearer('x'));
  assert.equal(last?.status, 429);
  assert.ok(Number(last?.headers['retry-after']) > 0);
  assert.equal((await get('/api/search?q={}', basic('grafana:guess'))).status, 429);
  assert.equal((await get('/api/search?q={}', basic(`grafana:${password}`))).status, 200, 'remembered');
  assert.equal((await get('/api/search?q={}', bearer(tokens.readA))).status, 200);
  assert.doesNotMatch(server.log(), /correct horse|guess/);
});
