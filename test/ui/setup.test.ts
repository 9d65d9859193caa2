/**
 * From an empty store to the first trace: a server with tenants, behind a gate that wants to know who asks, as a proxy or
 * the server's own authentication does.
 */
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { plainResource, plainScope, plainSpan } from '../../src/model/plain-span.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { missingChromium, type RunningUi, seriousFindings, startUi } from '../support/browser.ts';
import { request } from '../support/server.ts';

const skip = missingChromium();
const wanted = `Basic ${Buffer.from('ana:gr\u00fc\u00df').toString('base64')}`;
let ui: RunningUi;
let gate: http.Server;
let gateUrl: string;

before(async () => {
  if (skip !== false) return;
  ui = await startUi({ server: { config: { multitenancy_enabled: true } } });
  gate = http.createServer(pass);
  await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve));
  gateUrl = `http://127.0.0.1:${(gate.address() as AddressInfo).port}`;
});
after(async () => {
  if (skip !== false) return;
  await ui.close();
  gate.closeAllConnections();
  gate.close();
});

/** Lets files through, and the API to who knows the password. */
function pass(incoming: http.IncomingMessage, outgoing: http.ServerResponse): void {
  if (incoming.url!.startsWith('/api/') && incoming.headers.authorization !== wanted) {
    // As the server itself: a browser would open a window of its own for `Basic`.
    const scheme = incoming.headers['x-requested-with'] === undefined ? 'Basic' : 'xBasic';
    outgoing.writeHead(401, { 'www-authenticate': `${scheme} realm="gate"` }).end('who are you?');
    return;
  }
  const { method, headers, url } = incoming;
  const onward = http.request(`${ui.server.http}${url}`, { method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode!, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  incoming.pipe(onward);
}

async function sendOne(tenant: string): Promise<void> {
  const now = BigInt(Date.now()) * 1_000_000n;
  const span = plainSpan({
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    name: 'GET /first',
    kind: 2,
    startTimeUnixNano: now - 5_000_000n,
    endTimeUnixNano: now,
    resource: plainResource({
      attributes: [{ key: 'service.name', value: { type: 'string', value: 'first-service' } }],
    }),
    scope: plainScope({ name: 'test', version: '1' }),
  });
  const headers = { 'content-type': 'application/x-protobuf', 'x-scope-orgid': tenant };
  const answer = await request(ui.server.otlpHttp, { method: 'POST', headers, body: plainSpansToOtlp([span]) });
  assert.equal(answer.status, 200);
}

async function chooseTenant(page: Page, name: string): Promise<void> {
  await page.getByTitle('Tenant', { exact: true }).click();
  await page.getByRole('textbox', { name: 'Tenant' }).fill(name);
  await page.getByRole('button', { name: 'Show' }).click();
}

test('who comes to an empty store signs in, is shown how to send, and sees the first trace come in', {
  skip,
}, async () => {
  const { page, problems } = await ui.open('/nowhere');
  await page.goto(gateUrl);
  const form = page.getByRole('dialog', { name: 'Sign in' });
  await form.getByRole('tab', { name: 'Name and password' }).click();
  await form.getByLabel('Name', { exact: true }).fill('ana');
  await form.getByLabel('Password', { exact: true }).fill('wrong');
  await form.getByRole('button', { name: 'Sign in' }).click();
  await form.getByRole('alert').waitFor();
  assert.deepEqual(await seriousFindings(page), []);
  await form.getByRole('tab', { name: 'Name and password' }).click();
  await form.getByLabel('Name', { exact: true }).fill('ana');
  await form.getByLabel('Password', { exact: true }).fill('gr\u00fc\u00df');
  await form.getByRole('button', { name: 'Sign in' }).click();

  await chooseTenant(page, 'team-a');
  await page.goto(`${gateUrl}/`);
  await page.getByRole('heading', { name: 'Send the first trace' }).waitFor();
  await page.getByText('Waiting for the first trace').waitFor();
  for (const way of ['Go', 'Java', 'Python', 'Node.js', '.NET', 'Ruby', 'PHP', 'Collector']) {
    await page.getByRole('tab', { name: way, exact: true }).click();
    const steps = (await page.getByRole('tabpanel').textContent()) ?? '';
    assert.ok(steps.includes(`http://127.0.0.1:${new URL(ui.server.otlpHttp).port}`), way);
    assert.match(steps, /X-Scope-OrgID\W+team-a/, way);
  }
  assert.deepEqual(await seriousFindings(page), []);

  await sendOne('team-a');
  await page.waitForURL(/\/search/);
  await page.getByText('GET /first').first().waitFor();

  await chooseTenant(page, 'team-b');
  await page.getByText('GET /first').first().waitFor({ state: 'hidden' });
  await page.getByTitle('Tenant', { exact: true }).click();
  await page.getByRole('menuitem', { name: 'team-a' }).click();
  await page.getByText('GET /first').first().waitFor();
  // Refused requests are told by the browser; of the other host, the gate, the harness tells.
  const unexpected = problems.filter(
    (text) => !text.startsWith(`request to ${gateUrl}`) && !text.includes('status of 40'),
  );
  assert.deepEqual(unexpected, []);
});

test('what the first page takes is small, and comes from this server alone', { skip }, async () => {
  const { page, problems } = await ui.open('/search?tenant=team-a');
  await page.getByText('GET /first').first().waitFor();
  await page.evaluate('document.fonts.ready');
  const paths = (await page.evaluate(
    'performance.getEntriesByType("resource").map((entry) => new URL(entry.name).pathname)',
  )) as string[];
  const dist = path.resolve(import.meta.dirname, '../../ui/dist');
  let bytes = statSync(path.join(dist, 'index.html.gz')).size;
  for (const file of new Set(paths.map((each) => path.join(dist, each)))) {
    if (!existsSync(file)) continue;
    bytes += statSync(existsSync(`${file}.gz`) ? `${file}.gz` : file).size;
  }
  assert.ok(
    paths.some((each) => each.endsWith('.woff2')),
    'fonts are shipped',
  );
  assert.ok(bytes > 50_000 && bytes <= 350_000, `${bytes} bytes`);
  assert.deepEqual(problems, []);
});
