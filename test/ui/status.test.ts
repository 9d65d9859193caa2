import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { missingChromium, type RunningUi, seriousFindingsInBothThemes, startUi } from '../support/browser.ts';

const skip = missingChromium();

let ui: RunningUi;
before(async () => {
  if (skip !== false) return;
  ui = await startUi({ history: { visits: 30, minutes: 5 } });
});
after(() => ui?.close());

test('the page tells what came, what is live and what the store was asked for', { skip }, async () => {
  const { page, problems } = await ui.open('/status');
  const tenant = page.getByRole('table', { name: 'Tenants' }).locator('tbody tr');
  await tenant.waitFor();
  const spans = Number((await tenant.locator('td').nth(1).textContent())!.replaceAll(/\D/g, ''));
  const live = page.locator('.figures div').filter({ hasText: 'live spans' }).locator('dd');
  assert.ok(spans > 100);
  assert.equal(Number((await live.textContent())!.replaceAll(/\D/g, '')), spans);
  const put = page.getByRole('table', { name: 'Store' }).getByRole('row').filter({ hasText: 'PUT' });
  assert.match((await put.textContent())!, /[1-9]/);
  // A rate takes two readings.
  await page
    .locator('.figures dd')
    .filter({ hasText: /^0 \/|^[\d.]+ \/(s|min)/ })
    .first()
    .waitFor();
  assert.deepEqual(problems, []);
});

test('the cost follows the prices, and the browser keeps them', { skip }, async () => {
  const { page, problems } = await ui.open('/status');
  const together = page.getByRole('table', { name: 'Cost a month' }).locator('tfoot td');
  const price = page.getByRole('spinbutton', { name: 'Price of PUT, LIST' });
  await price.waitFor();
  const before = await together.textContent();
  await price.fill('5000');
  await price.press('Tab');
  assert.notEqual(await together.textContent(), before);
  await page.reload();
  await price.waitFor();
  assert.equal(await price.inputValue(), '5000');
  await page.getByRole('button', { name: 'Back to these' }).click();
  assert.equal(await price.inputValue(), '0.005');
  assert.match((await page.getByRole('table', { name: 'Limits' }).textContent()) ?? '', /ingestion rate limit/);
  assert.deepEqual(problems, []);
});

test('axe has no serious findings in dark and in light', { skip }, async () => {
  const { page } = await ui.open('/status');
  await page.getByRole('table', { name: 'Tenants' }).waitFor();
  assert.deepEqual(await seriousFindingsInBothThemes(page), []);
});
