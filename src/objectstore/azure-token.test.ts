import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ErrorKind } from '../base/errors.ts';
import { federatedToken, managedIdentityToken } from './azure-token.ts';

interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

let origin = '';
let asked: Asked | undefined;
let answer = { status: 200, body: '' };
const server = http.createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  asked = { method: request.method!, url: new URL(request.url!, origin), headers: request.headers, body };
  response.writeHead(answer.status).end(answer.body);
});
const folder = mkdtempSync(path.join(tmpdir(), 'rubato-token-'));
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

test('a container’s managed identity is asked with its secret and the client id', async () => {
  answer = { status: 200, body: '{"access_token":"t1","expires_in":"3600"}' };
  const env = { IDENTITY_ENDPOINT: `${origin}/token`, IDENTITY_HEADER: 'secret' };
  const { token, expiresOnTimestamp } = await managedIdentityToken('client', env);
  assert.equal(token, 't1');
  assert.ok(Math.abs(expiresOnTimestamp - Date.now() - 3_600_000) < 60_000);
  assert.equal(asked!.headers['x-identity-header'], 'secret');
  assert.deepEqual(Object.fromEntries(asked!.url.searchParams), {
    'api-version': '2019-08-01',
    resource: 'https://storage.azure.com/',
    client_id: 'client',
  });
});

test('the token of Kubernetes is exchanged', async () => {
  answer = { status: 200, body: '{"access_token":"t2","expires_in":3600}' };
  const file = path.join(folder, 'token');
  writeFileSync(file, 'assertion\n');
  const { token } = await federatedToken({
    AZURE_CLIENT_ID: 'client',
    AZURE_TENANT_ID: 'tenant',
    AZURE_FEDERATED_TOKEN_FILE: file,
    AZURE_AUTHORITY_HOST: `${origin}/`,
  });
  assert.equal(token, 't2');
  assert.equal(asked!.url.pathname, '/tenant/oauth2/v2.0/token');
  const form = new URLSearchParams(asked!.body);
  assert.equal(form.get('client_assertion'), 'assertion');
  assert.equal(form.get('scope'), 'https://storage.azure.com/.default');
});

test('what is missing and what is refused is said', async () => {
  assert.throws(() => federatedToken({}), { kind: ErrorKind.config });
  answer = { status: 400, body: 'Identity not found' };
  const env = { IDENTITY_ENDPOINT: `${origin}/token`, IDENTITY_HEADER: 'secret' };
  await assert.rejects(managedIdentityToken(undefined, env), {
    code: 'store_denied',
    message: /400 Identity not found/,
  });
});
