import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { plainResource, plainSpan } from '../../src/model/plain-span.ts';
import { missingChromium, type RunningUi, seriousFindingsInBothThemes, startUi } from '../support/browser.ts';

const skip = missingChromium();
// What the page's own functions are evaluated with.
declare const window: { readonly hit?: number };

/** A value that would run if any part of the page took it for HTML or for a query. */
const hostile = `"]<img src=x onerror="window.hit=1">'\\\``;

let ui: RunningUi;
before(async () => {
  if (skip !== false) return;
  ui = await startUi({ history: { visits: 150, minutes: 20 } });
  const text = (key: string, value: string) => ({ key, value: { type: 'string' as const, value } });
  const startTimeUnixNano = BigInt(Date.now() - 60_000) * 1_000_000n;
  await ui.send(
    Array.from({ length: 20 }, (_, i) =>
      plainSpan({
        traceId: (i + 1).toString(16).padStart(32, 'a'),
        spanId: '00000000000000aa',
        name: hostile,
        kind: 2,
        startTimeUnixNano,
        // Longer than anything in the shop: the slowest spans are these, and they alone have the attribute.
        endTimeUnixNano: startTimeUnixNano + 90_000_000_000n,
        attributes: [text('tenant.plan', 'trial')],
        resource: plainResource({ attributes: [text('service.name', 'slowpoke')] }),
      }),
    ),
  );
});
after(() => ui?.close());

test('services are told with rate, errors and durations; a name leads into its operations', { skip }, async () => {
  const { page, problems } = await ui.open('/explore');
  const row = page.getByRole('row').filter({ hasText: 'slowpoke' });
  await row.waitFor();
  assert.match((await row.textContent())!, /\/(s|min)/);
  assert.equal(await page.locator('.red-plot canvas').count(), 3);
  await row.getByText('slowpoke').click();
  await page.waitForURL(/by=name/);
  assert.match(new URL(page.url()).searchParams.get('q')!, /resource\.service\.name = "slowpoke"/);
  await page.getByRole('row').filter({ hasText: '<img src=x' }).waitFor();
  assert.equal(await page.evaluate(() => window.hit), undefined);
  assert.deepEqual(problems, []);
});

test('what sets marked spans apart is ranked, and a click adds it to the query', { skip }, async () => {
  // From 60 s on: the twenty spans above.
  const { page, problems } = await ui.open('/explore?region=,,60000000000,');
  const panel = page.getByRole('region', { name: 'What is different here?' });
  await panel.getByText('20 spans against').waitFor();
  const attribute = panel.locator('article').filter({ hasText: 'span.tenant.plan' });
  assert.match((await attribute.textContent())!, /trial.*100 %/);
  await attribute.getByText('trial').click();
  await page.waitForURL(/tenant\.plan/);
  assert.equal(new URL(page.url()).searchParams.get('q'), '{ span.tenant.plan = "trial" }');
  assert.equal(await page.evaluate(() => window.hit), undefined);
  assert.deepEqual(problems, []);
});

test('a diamond leads to its trace, a query with a mistake is told where', { skip }, async () => {
  const { page } = await ui.open('/explore');
  const diamond = page.locator('a.diamond').first();
  await diamond.waitFor();
  assert.match((await diamond.getAttribute('href'))!, /^\/trace\/[0-9a-f]{1,32}$/);
  await page.goto(`${ui.server.http}/explore?q=${encodeURIComponent('{ duration > }')}`);
  await page
    .getByText(/1:14|unexpected|column/i)
    .first()
    .waitFor();
});

test('axe has no serious findings in dark and in light', { skip }, async () => {
  const { page } = await ui.open('/explore?region=,,60000000000,');
  await page.getByText('20 spans against').waitFor();
  assert.deepEqual(await seriousFindingsInBothThemes(page), []);
});
