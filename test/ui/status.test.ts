import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { missingChromium, type RunningUi, seriousFindings, startUi } from '../support/browser.ts';

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

for (const theme of ['dark', 'light'] as const) {
  test(`axe has no serious findings (${theme})`, { skip }, async () => {
    const { page } = await ui.open('/status', { theme });
    await page.getByRole('table', { name: 'Tenants' }).waitFor();
    assert.deepEqual(await seriousFindings(page), []);
  });
}
