import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { plainResource, plainSpan } from '../../src/model/plain-span.ts';
import { missingChromium, type RunningUi, seriousFindingsInBothThemes, startUi } from '../support/browser.ts';

const skip = missingChromium();
// What the page's own functions are evaluated with.
declare const document: { readonly activeElement: { getAttribute(name: string): string | null } };
declare const window: { readonly hit?: number };

/** A name that would run if any part of the page took it for HTML, a query or a selector. */
const hostile = `"]<img src=x onerror="window.hit=1">'\\\``;

let ui: RunningUi;
before(async () => {
  if (skip !== false) return;
  ui = await startUi({ history: { visits: 150, minutes: 20 } });
  await ui.send([callOf(hostile)]);
});
after(() => ui?.close());

let sent = 0;

function callOf(service: string) {
  const text = (key: string, value: string) => ({ key, value: { type: 'string' as const, value } });
  const startTimeUnixNano = BigInt(Date.now() - 60_000) * 1_000_000n;
  sent++;
  return plainSpan({
    traceId: sent.toString(16).padStart(32, 'a'),
    spanId: '00000000000000aa',
    kind: 3,
    startTimeUnixNano,
    endTimeUnixNano: startTimeUnixNano + 1_000_000n,
    attributes: [text('db.system', hostile)],
    resource: plainResource({ attributes: [text('service.name', service)] }),
  });
}

test('the graph shows services and their databases; a click searches their traces', { skip }, async () => {
  const { page, problems } = await ui.open('/services');
  const books = page.locator('.node[data-node="service//books"]');
  await books.waitFor();
  assert.match((await books.getAttribute('aria-label'))!, /\/s|\/min/);
  assert.ok((await page.locator('.node[aria-label*="database, redis"]').count()) > 0);
  assert.ok((await page.locator('.edge').count()) > 15);
  await books.locator('.node-disc').click();
  await page.waitForURL(/\/search\?/);
  assert.equal(new URL(page.url()).searchParams.get('q'), '{ resource.service.name = "books" }');
  await page.goBack();
  await books.waitFor();
  assert.deepEqual(problems, []);
});

test('nodes stay where they are when a service appears and the data is asked for again', { skip }, async () => {
  const { page } = await ui.open('/services');
  await page.locator('.node').first().waitFor();
  const places = () =>
    page
      .locator('.node')
      .evaluateAll((nodes) =>
        Object.fromEntries(
          nodes.map((node) => [node.getAttribute('data-node'), node.querySelector('g')!.getAttribute('transform')]),
        ),
      );
  const old = await places();
  await ui.send([callOf('newcomer')]);
  await page.keyboard.press('r');
  await page.locator('.node[aria-label^="newcomer"]').waitFor();
  const now = await places();
  assert.deepEqual(Object.fromEntries(Object.keys(old).map((id) => [id, now[id]])), old);
});

test('keys move between nodes, open one, and change the size of the picture', { skip }, async () => {
  const { page } = await ui.open('/services');
  const gateway = page.locator('.node[data-node="service//gateway"]');
  await gateway.waitFor();
  await gateway.focus();
  await page.keyboard.press('ArrowLeft');
  assert.match((await page.evaluate(() => document.activeElement.getAttribute('aria-label')))!, /^storefront /);
  const scale = () => page.locator('.graph-picture > g').getAttribute('transform');
  const before = await scale();
  await page.keyboard.press('+');
  assert.notEqual(await scale(), before);
  await page.keyboard.press('0');
  assert.equal(await scale(), before);
  await page.keyboard.press('Enter');
  await page.waitForURL(/storefront/);
});

test('a drag moves the picture and opens nothing', { skip }, async () => {
  const { page } = await ui.open('/services');
  const node = page.locator('.node[data-node="service//books"] .node-disc');
  await node.waitFor();
  const from = (await node.boundingBox())!;
  await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
  await page.mouse.down();
  await page.mouse.move(from.x + 120, from.y + 60, { steps: 4 });
  await page.mouse.up();
  const to = (await node.boundingBox())!;
  assert.ok(to.x - from.x > 60, `moved by ${to.x - from.x}`);
  assert.match(page.url(), /\/services/);
});

test('tables sort, find by name, and lead to failed and slow requests', { skip }, async () => {
  const { page, problems } = await ui.open('/services');
  const names = page.locator('.services-list tbody .service-name a');
  await names.first().waitFor();
  await page.getByRole('button', { name: 'Name' }).click();
  const sorted = await names.allTextContents();
  assert.deepEqual(
    sorted,
    sorted.toSorted((a, b) => a.localeCompare(b)),
  );
  await page.getByRole('searchbox', { name: 'Find a service' }).fill('book');
  await page.waitForURL(/find=book/);
  assert.deepEqual(await names.allTextContents(), ['books']);
  const slow = await page.getByTitle('The slowest twentieth of books').getAttribute('href');
  assert.match(new URL(slow!, page.url()).searchParams.get('q')!, /"books" && duration >= \d+ns \}$/);
  await page.getByRole('tab', { name: 'Calls' }).click();
  const calls = await page.locator('.call-name').allTextContents();
  assert.ok(calls.length > 0 && calls.every((call) => call.includes('books')));
  assert.deepEqual(problems, []);
});

test('hostile names are shown and do nothing', { skip }, async () => {
  const { page, problems } = await ui.open('/services');
  const link = page.locator('.service-name a', { hasText: hostile }).first();
  await link.waitFor();
  await link.hover();
  const node = page.locator('.node', { hasText: '<img' }).first();
  await node.focus();
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.evaluate(() => window.hit), undefined);
  assert.equal(await page.locator('img').count(), 0);
  await link.click();
  await page.waitForURL(/\/search\?/);
  assert.deepEqual(problems, []);
});

test('an empty range says so', { skip }, async () => {
  const { page, problems } = await ui.open('/services?from=1000000000000&to=1000000600000');
  await page.getByText('No requests in this time range').waitFor();
  assert.deepEqual(problems, []);
});

test('axe has no serious findings in dark and in light', { skip }, async () => {
  const { page } = await ui.open('/services');
  await page.locator('.node').first().waitFor();
  assert.deepEqual(await seriousFindingsInBothThemes(page), []);
  await page.getByRole('tab', { name: 'Calls' }).click();
  assert.deepEqual(await seriousFindingsInBothThemes(page), []);
});
