import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { type PlainSpan, plainResource, plainSpan } from '../../src/model/plain-span.ts';
import { missingChromium, type RunningUi, seriousFindingsInBothThemes, startUi } from '../support/browser.ts';

const skip = missingChromium();
// What the page's own functions are evaluated with.
declare const window: { readonly hit?: number };

/** Would run if any part of the page took it for HTML. */
const hostile = '<img src=x onerror="window.hit=1">';

const visits = 150;
let ui: RunningUi;
before(async () => {
  if (skip !== false) return;
  ui = await startUi({ history: { visits, minutes: 20 } });
  // Longer than anything in the shop.
  await ui.send([madeSpan({ id: 'aa', name: hostile, service: hostile, seconds: 90, attribute: hostile })]);
});
after(() => ui?.close());

interface MadeSpan {
  /** Two hex digits. */
  readonly id: string;
  readonly name: string;
  readonly service: string;
  readonly seconds: number;
  readonly attribute?: string;
}

function madeSpan({ id, name, service, seconds, attribute = 'x' }: MadeSpan): PlainSpan {
  const startTimeUnixNano = BigInt(Date.now() - 1000) * 1_000_000n;
  return plainSpan({
    traceId: id.padStart(32, '0'),
    spanId: id.padStart(16, '0'),
    name,
    startTimeUnixNano,
    endTimeUnixNano: startTimeUnixNano + BigInt(seconds) * 1_000_000_000n,
    attributes: [{ key: 'made.for', value: { type: 'string', value: attribute } }],
    resource: plainResource({ attributes: [{ key: 'service.name', value: { type: 'string', value: service } }] }),
  });
}

const path = (q: string, rest = ''): string => `/search?q=${encodeURIComponent(q)}${rest}`;
const rowsOf = (page: Page) => page.getByRole('table', { name: 'Traces' }).locator('tbody tr[data-index]');
const param = (page: Page, name: string): string | null => new URL(page.url()).searchParams.get(name);
const editorOf = (page: Page) => page.getByRole('textbox', { name: 'TraceQL query' });
const settled = (page: Page) => page.locator('.search-page[aria-busy=false]').waitFor();

async function write(page: Page, text: string): Promise<void> {
  await editorOf(page).click();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.insertText(text);
}

test('a query in the address finds traces, the longest first on demand, and a row opens its trace', {
  skip,
}, async () => {
  const { page, problems } = await ui.open(path('{ kind = server || duration > 1m }'));
  await rowsOf(page).first().waitFor();
  await page.getByText(`${visits + 1} traces`).waitFor();
  const drawn = await rowsOf(page).count();
  assert.ok(drawn > 20 && drawn < 80, `${drawn} rows are drawn`);
  await page.locator('main').evaluate((main) => main.scrollTo(0, main.scrollHeight));
  await page.locator(`tr[data-index="${visits}"]`).waitFor();
  await page.locator('main').evaluate((main) => main.scrollTo(0, 0));
  await page.getByRole('button', { name: 'Duration', exact: true }).click();
  await page.waitForURL(/sort=duration/);
  await rowsOf(page).first().filter({ hasText: hostile }).filter({ hasText: '1 min 30 s' }).waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/trace\/0*aa/);
  assert.deepEqual(problems, []);
});

test('chips write the query, and follow what is written', { skip }, async () => {
  const { page, problems } = await ui.open('/search');
  await settled(page);
  await page.getByRole('button', { name: 'service', exact: true }).click();
  await page.getByRole('option', { name: 'books' }).click();
  await page.waitForURL(/q=/);
  assert.equal(param(page, 'q'), '{ resource.service.name = "books" }');
  await page.keyboard.press('a');
  await page.getByRole('combobox', { name: 'Attribute' }).fill('duration');
  await page.getByRole('option', { name: 'duration', exact: true }).click();
  await page.keyboard.type('2ms');
  await page.keyboard.press('Enter');
  await page.waitForURL(/2ms/);
  assert.equal(param(page, 'q'), '{ resource.service.name = "books" && duration >= 2ms }');
  await page.getByRole('button', { name: 'Remove resource.service.name = "books"' }).click();
  await page.waitForURL((url) => !url.search.includes('books'));
  assert.equal(param(page, 'q'), '{ duration >= 2ms }');

  await write(page, '{ status = error && (.a = 1 || .b = 2) } | count() > 3');
  await page.getByTitle('status = error', { exact: true }).waitFor();
  await page.getByTitle('((.a = 1) || (.b = 2))').waitFor();
  await page.getByText('| count() > 3').last().waitFor();
  await write(page, '{ status = error } >> { kind = client }');
  await page.getByText('it runs as it is written').waitFor();
  // Chromium itself wants to keep the look of a text that is typed over, with a style that the policy forbids.
  assert.deepEqual(
    problems.filter((problem) => !problem.includes('Applying inline style')),
    [],
  );
});

test('a part of the timeline becomes the time range, by drag and by keys', { skip }, async () => {
  const { page, problems } = await ui.open(path('{ kind = server }'));
  await rowsOf(page).first().waitFor();
  await settled(page);
  const timeline = page.getByRole('application', { name: /Timeline/ });
  const box = (await timeline.boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.6, box.y + 30);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.8, box.y + 40, { steps: 3 });
  await page.mouse.up();
  await page.waitForURL(/from=\d+&to=\d+/);
  const minutes = (): number => (Number(param(page, 'to')) - Number(param(page, 'from'))) / 60_000;
  assert.ok(minutes() > 5 && minutes() < 8, `${minutes()} minutes`);
  await settled(page);
  await page.keyboard.press('z');
  for (const key of ['ArrowLeft', 'ArrowLeft', 'Shift+ArrowLeft']) await page.keyboard.press(key);
  await page
    .getByRole('status')
    .filter({ hasText: /\d+ spans, \d+ errors/ })
    .waitFor();
  const before = minutes();
  const to = param(page, 'to');
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => url.searchParams.get('to') !== to);
  assert.ok(minutes() < before / 5, `${minutes()} minutes`);
  await page.goBack();
  await page.goBack();
  assert.equal(param(page, 'from'), null);

  // Longer than metrics may be asked of at once, and as long as traces may.
  await page.goto(`${ui.server.http}${path('{ kind = server }', '&from=now-7d')}`);
  await page.getByText(/\d matching spans/).waitFor();
  await rowsOf(page).first().waitFor();
  const dots = (await timeline.boundingBox())!;
  await page.mouse.move(dots.x + 100, dots.y + 100);
  await page.mouse.down();
  await page.mouse.move(dots.x + dots.width - 10, dots.y + 150, { steps: 3 });
  await page.mouse.up();
  await page.waitForURL(/from=\d+&to=\d+/);
  assert.match(param(page, 'q')!, /^\{ kind = server && traceDuration >= [\d.]+ms && traceDuration <= [\d.]+ms \}$/);
  assert.deepEqual(problems, []);
});

test('an attribute is a column, a value narrows the query, and both are in the address', { skip }, async () => {
  const { page, problems } = await ui.open(path('{ kind = server }'));
  await rowsOf(page).first().waitFor();
  await page.keyboard.press('c');
  await page.getByRole('combobox', { name: 'Attribute' }).fill('http.route');
  await page.getByRole('option', { name: 'http.route span' }).waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(/col=span.http.route/);
  await page.getByRole('button', { name: '/checkout' }).first().click();
  await page.waitForURL(/checkout/);
  assert.equal(param(page, 'q'), '{ kind = server && span.http.route = "/checkout" }');

  await page.keyboard.press('q');
  await page.getByRole('textbox', { name: 'Name of this query' }).fill(hostile);
  await page.keyboard.press('Enter');
  await page.goto(ui.server.http + path(`{ name = "${hostile.replaceAll('"', '\\"')}" }`, '&col=span.made.for'));
  await rowsOf(page).filter({ hasText: hostile }).waitFor();
  await page.getByTitle(`span.made.for = ${hostile}: only these`).click();
  await page.waitForURL(/made\.for\+/);
  await rowsOf(page).filter({ hasText: hostile }).waitFor();
  await page.keyboard.press('q');
  await page.getByRole('link', { name: hostile }).first().click();
  await page.waitForURL(/checkout/);
  assert.equal(param(page, 'col'), 'span.http.route');
  assert.equal(await page.evaluate(() => window.hit), undefined);
  assert.deepEqual(problems, []);
});

test('live, new traces come in on top; held ones are counted', { skip }, async () => {
  const { page, problems } = await ui.open(path('{ resource.service.name = "tail" }'));
  await page.getByRole('heading', { name: 'No traces' }).waitFor();
  await page.keyboard.press('l');
  await page.getByRole('heading', { name: 'Nothing yet' }).waitFor();
  await ui.send([madeSpan({ id: 'b1', name: 'first', service: 'tail', seconds: 1 })]);
  await rowsOf(page).filter({ hasText: 'first' }).waitFor();
  await page.keyboard.press('p');
  await ui.send([madeSpan({ id: 'b2', name: 'second', service: 'tail', seconds: 1 })]);
  await page.getByRole('button', { name: '1 new' }).waitFor();
  assert.equal(await rowsOf(page).count(), 1);
  await page.getByRole('button', { name: '1 new' }).click();
  await rowsOf(page).first().filter({ hasText: 'second' }).waitFor();
  assert.equal(param(page, 'live'), '1');
  assert.deepEqual(problems, []);
});

test('a mistake is told, and an empty answer says which condition keeps it empty', { skip }, async () => {
  const { page } = await ui.open('/search');
  await write(page, '{ duration > ');
  await page.getByRole('button', { name: 'Run' }).click();
  await page.getByText(/At character \d+/).waitFor();
  await page.goto(ui.server.http + path('{ resource.service.name = "books" && name = "nothing has this name" }'));
  await page.getByRole('button', { name: /without name = "nothing has this name"/ }).click();
  await rowsOf(page).first().waitFor();
  assert.equal(param(page, 'q'), '{ resource.service.name = "books" }');
});

test('axe has no serious findings in dark and in light', { skip }, async () => {
  const { page } = await ui.open(path('{ kind = server }', '&col=span.http.route'));
  await rowsOf(page).first().waitFor();
  await page
    .getByRole('button', { name: /service/ })
    .first()
    .click();
  await page.getByRole('option').first().waitFor();
  assert.deepEqual(await seriousFindingsInBothThemes(page), []);
});
