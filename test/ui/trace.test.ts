import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import {
  missingChromium,
  type OpenPage,
  type RunningUi,
  seriousFindings,
  seriousFindingsInBothThemes,
  startUi,
} from '../support/browser.ts';
import { checkoutTrace, hostile } from './trace-spans.ts';

const skip = missingChromium();
const traceId = '0af7651916cd43dd8448eb211c80319c';
const fasterId = '0af7651916cd43dd8448eb211c80319d';
let ui: RunningUi;

before(async () => {
  if (skip !== false) return;
  ui = await startUi();
  const start = BigInt(Date.now() - 60_000) * 1_000_000n;
  await ui.send(checkoutTrace(traceId, start));
  await ui.send(checkoutTrace(fasterId, start).filter(({ name }) => name !== 'POST api.stripe.com'));
});
after(async () => {
  if (skip === false) await ui.close();
});

const rowNames = (page: Page): Promise<string[]> => page.locator('.trace-row .trace-name').allTextContents();

async function openTrace(query = '', settings: Parameters<RunningUi['open']>[1] = {}): Promise<OpenPage> {
  const open = await ui.open(`/trace/${traceId}${query}`, settings);
  await open.page.waitForSelector('.trace-row');
  return open;
}

test('a trace shows its root, totals and rows, repeated calls as one', { skip }, async () => {
  const { page, problems } = await openTrace();
  const head = await page.textContent('.trace-head');
  assert.match(head!, /storefront POST \/cart\/checkout/);
  assert.match(head!, /duration812 ms.*spans100.*errors5/);
  const names = await rowNames(page);
  assert.ok(names.includes('84 × redis GET'));
  assert.ok(names.includes('missing parents of 1 span'));
  assert.equal(await page.getAttribute('.trace-tree', 'aria-rowcount'), '18');
  assert.deepEqual(problems, []);
});

test('keys walk, collapse, unfold and find errors; the address follows', { skip }, async () => {
  const { page, problems } = await openTrace();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.waitForURL(/span=0000000000000002/);
  await page.keyboard.press('ArrowLeft');
  await page.waitForSelector('.trace-tree[aria-rowcount="5"]');
  assert.equal(await page.getAttribute('.trace-row.selected', 'aria-expanded'), 'false');
  await page.keyboard.press('ArrowRight');
  await page.waitForSelector('.trace-tree[aria-rowcount="18"]');
  await page.keyboard.press('e');
  assert.match((await page.textContent('.trace-row.selected'))!, /orders\.v1\.Orders\/Place/);
  await page.keyboard.press('E');
  await page.keyboard.press('E');
  assert.match((await page.textContent('.trace-row.selected'))!, /POST \/cart\/checkout/);
  await page.click('.trace-row:has-text("84 ×") .trace-caret');
  await page.waitForSelector('.trace-tree[aria-rowcount="101"]');
  assert.deepEqual(problems, []);
});

test('an address leads to its span and shows everything about it', { skip }, async () => {
  const { page, problems } = await openTrace('?span=000000000000005e');
  const detail = page.locator('.trace-detail');
  await detail.locator('text=CardDeclinedException').first().waitFor();
  const text = (await detail.textContent())!;
  assert.match(text, /POST api\.stripe\.com/);
  assert.match(text, /error: card_declined/);
  assert.match(text, /ChargeHandler\.cs:line 58/);
  assert.match(text, /3 more events were dropped/);
  assert.match(text, /k8s\.pod\.namepayments-7d9f8b6c5-x2x8q/);
  const query = await detail.locator('a', { hasText: 'query' }).first().getAttribute('href');
  assert.equal(new URL(query!, ui.server.http).searchParams.get('q'), '{ span.http.response.status_code = 402 }');
  await page.keyboard.press('Escape');
  await detail.waitFor({ state: 'detached' });
  await page.waitForURL((url) => !url.searchParams.has('span'));
  assert.deepEqual(problems, []);
});

test('filters by text and by conditions, and shows only matches', { skip }, async () => {
  const { page, problems } = await openTrace();
  await page.keyboard.press('f');
  await page.keyboard.type('card_declined');
  await page.waitForSelector('.trace-count:has-text("1 spans")');
  await page.fill('#trace-filter', 'db.system = "postgresql" && duration > 70ms');
  await page.waitForSelector('.trace-count:has-text("2 spans")');
  await page.click('text="Only matches"');
  await page.waitForSelector('.trace-tree[aria-rowcount="6"]');
  assert.deepEqual((await rowNames(page)).slice(-2), ['SELECT stock', 'UPDATE stock']);
  await page.waitForURL(/only=1/);
  await page.fill('#trace-filter', 'duration > soon');
  await page.waitForSelector('.trace-count.error-text:has-text("not a duration")');
  assert.deepEqual(problems, []);
});

test('flame graph, statistics by any attribute, comparison and JSON', { skip }, async () => {
  const { page, problems } = await openTrace();
  await page.click('text="Flame graph"');
  await page.locator('.trace-box', { hasText: 'redis GET ×84' }).waitFor();
  await page.click('text="Statistics"');
  await page.locator('tr', { hasText: 'basket › redis GET' }).waitFor();
  await page.goto(`${page.url()}&by=span.db.system`);
  const redis = page.locator('tr', { hasText: 'redis' });
  await redis.waitFor();
  assert.match((await redis.textContent())!, /redis84101 ms/);
  await page.click('text="Compare"');
  await page.fill('#trace-other', fasterId);
  await page.click('.trace-panel button:has-text("Compare")');
  const added = page.locator('tr.new');
  await added.waitFor();
  assert.match((await added.textContent())!, /payments POST api\.stripe\.com new/);
  await page.click('text="JSON"');
  await page.locator('.trace-json.whole', { hasText: '"traceId": "0af7651916cd43dd8448eb211c80319c"' }).waitFor();
  assert.deepEqual(problems, []);
});

test('the pointer zooms, measures, and folds by its caret', { skip }, async () => {
  const { page, problems } = await openTrace();
  const box = (await page.locator('.trace-canvas').boundingBox())!;
  await page.mouse.move(box.x + 200, box.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x + 400, box.y + 12, { steps: 3 });
  assert.match((await page.textContent('.tooltip'))!, /ms from \d/);
  await page.mouse.up();
  const overview = (await page.locator('.trace-overview').boundingBox())!;
  await page.mouse.move(overview.x + overview.width / 2, overview.y + 20);
  await page.mouse.down();
  await page.mouse.move(overview.x + overview.width * 0.75, overview.y + 20, { steps: 3 });
  await page.mouse.up();
  await page.waitForURL(/window=4\d{8}-6\d{8}/);
  await page.keyboard.press('0');
  await page.waitForURL((url) => !url.searchParams.has('window'));
  await page.locator('.trace-row .trace-caret[data-state="open"]').first().click();
  await page.waitForSelector('.trace-tree[aria-rowcount="4"]');
  assert.deepEqual(problems, []);
});

test('a file opens without the server, and what this page saves is one', { skip }, async () => {
  const { page, problems } = await openTrace();
  const download = page.waitForEvent('download');
  await page.click('[aria-label="Save as OTLP JSON"]');
  const saved = await (await download).path();
  await page.goto(`${ui.server.http}/trace`);
  await page.setInputFiles('input[type=file]', saved);
  await page.waitForSelector('.trace-row');
  assert.match((await page.textContent('.trace-head'))!, /spans100/);
  assert.equal(await page.getAttribute('.trace-tree', 'aria-rowcount'), '18');
  const jaeger = {
    data: [
      {
        spans: [
          { traceID: 'a1', spanID: 'b1', operationName: 'root', startTime: 1e15, duration: 5000, processID: 'p1' },
          {
            traceID: 'a1',
            spanID: 'b2',
            operationName: 'child',
            references: [{ refType: 'CHILD_OF', traceID: 'a1', spanID: 'b1' }],
            startTime: 1e15 + 1000,
            duration: 2000,
            tags: [{ key: 'error', type: 'bool', value: true }],
            processID: 'p1',
          },
        ],
        processes: { p1: { serviceName: 'legacy', tags: [] } },
      },
    ],
  };
  await page.goto(`${ui.server.http}/trace`);
  const file = (text: string) => ({ name: 'trace.json', mimeType: 'application/json', buffer: Buffer.from(text) });
  await page.setInputFiles('input[type=file]', file(JSON.stringify(jaeger)));
  await page.waitForSelector('.trace-row.error:has-text("child")');
  await page.goto(`${ui.server.http}/trace`);
  await page.setInputFiles('input[type=file]', file('nothing of the kind'));
  await page.waitForSelector('text=This is no JSON');
  assert.deepEqual(problems, []);
});

test('hostile names and values stay text', { skip }, async () => {
  const { page, problems } = await openTrace(`?filter=${encodeURIComponent(hostile)}&tab=statistics`);
  await page.locator('tr button', { hasText: 'render <img src=x' }).click();
  await page.locator('.trace-row.selected', { hasText: 'render <img src=x' }).waitFor();
  await page.locator('.trace-detail h2', { hasText: hostile }).waitFor();
  await page.click('text="Flame graph"');
  assert.equal(await page.locator('main img, main script').count(), 0);
  assert.equal(await page.evaluate('window.hacked'), undefined);
  assert.deepEqual(problems, []);
});

test('a trace that does not exist says so', { skip }, async () => {
  const { page } = await ui.open('/trace/ffffffffffffffffffffffffffffffff');
  await page.waitForSelector('text=There is no such trace');
});

test('nothing serious for axe, in both themes and on a phone', { skip }, async () => {
  const { page } = await openTrace('?span=000000000000005e&tab=statistics');
  await page.locator('.trace-detail h2').waitFor();
  await page.locator('.trace-panel table').waitFor();
  assert.deepEqual(await seriousFindingsInBothThemes(page), []);
  await openTrace('', { width: 400, height: 800 });
  assert.deepEqual(await seriousFindings(page), []);
  const wider = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
  assert.equal(wider, false, 'no sideways scrolling');
});
