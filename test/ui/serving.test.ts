/** The web UI on the HTTP port, and everything that must stay as it is beside it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { buildUi } from '../../ui/build.ts';
import { type Answer, request, startTestServer, type TestServer, temporaryFolder } from '../support/server.ts';

const folder = temporaryFolder('ui-serving');
let server: TestServer;
const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> =>
  request(server.http + path, { method, headers });

before(async () => {
  await buildUi();
  server = await startTestServer({ dataFolder: folder.path, config: { http_api_prefix: '/tempo' } });
});
after(async () => {
  await server?.stop();
  folder.remove();
});

test('every place of the app answers its page, which is never cached and allows nothing from elsewhere', async () => {
  for (const path of [
    '/',
    '/search?q=%7B%7D',
    '/trace/0af7651916cd43dd8448eb211c80319c',
    '/explore',
    '/services',
    '/status',
    '/setup',
  ]) {
    const { status, headers, body } = await get(path, html);
    assert.equal(status, 200, path);
    assert.equal(headers['content-type'], 'text/html; charset=utf-8');
    assert.equal(headers['cache-control'], 'no-cache');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    const policy = headers['content-security-policy'] as string;
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    assert.match(body.toString(), /name="rubato-api-prefix" content="\/tempo"/);
  }
});

test('files with a hash in their name are kept for ever and come compressed', async () => {
  const page = (await get('/', html)).body.toString();
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(page)![1]!;
  for (const [encoding, answered] of [
    ['br, gzip', 'br'],
    ['gzip', 'gzip'],
    ['br;q=0', undefined],
  ] as const) {
    const { status, headers } = await get(script, { 'accept-encoding': encoding });
    assert.equal(status, 200);
    assert.equal(headers['content-encoding'], answered);
    assert.equal(headers['content-type'], 'text/javascript; charset=utf-8');
    assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable');
  }
});

test('routes of the API answer as without a UI, whatever the client accepts', async () => {
  for (const [path, type] of [
    ['/tempo/api/echo', 'text/plain; charset=utf-8'],
    ['/ready', 'text/plain; charset=utf-8'],
    ['/metrics', 'text/plain; version=0.0.4; charset=utf-8'],
    ['/status/version', 'text/plain'],
  ] as const) {
    const { status, headers } = await get(path, html);
    assert.equal(status, 200, path);
    assert.equal(headers['content-type'], type);
  }
  assert.equal((await get('/status')).headers['content-type'], 'text/plain');
});

test('what is no place and no file is not found, and only GET is answered', async () => {
  for (const path of ['/nothing', '/api/search', '/assets/none.js', '/assets/../../package.json', '/..%2fpackage.json'])
    assert.equal((await get(path, html)).status, 404, path);
  assert.equal((await get('/search', {})).status, 404);
  assert.equal((await get('/', html, 'POST')).status, 404);
  assert.equal((await get('/', html, 'HEAD')).body.length, 0);
});
