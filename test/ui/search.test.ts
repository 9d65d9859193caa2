import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { plainResource, plainSpan } from '../../src/model/plain-span.ts';
import { missingChromium, type RunningUi, seriousFindings, startUi } from '../support/browser.ts';

const skip = missingChromium();
// What the page's own functions are evaluated with.
declare const window: { readonly hit?: number };

/** A name that would run if any part of the page took it for HTML. */
const hostile = '<img src=x onerror="window.hit=1">';

let ui: RunningUi;
before(async () => {
  if (skip !== false) return;
  ui = await startUi({ history: { visits: 60, minutes: 20 } });
  const startTimeUnixNano = BigInt(Date.now() - 60_000) * 1_000_000n;
  await ui.send([
    plainSpan({
      traceId: '000000000000000000000000000000aa',
      spanId: '00000000000000aa',
      name: hostile,
      startTimeUnixNano,
      // Longer than anything in the shop.
      endTimeUnixNano: startTimeUnixNano + 90_000_000_000n,
      resource: plainResource({
        attributes: [{ key: 'service.name', value: { type: 'string', value: hostile } }],
      }),
    }),
  ]);
});
after(() => ui?.close());

const path = (q: string): string => `/search?q=${encodeURIComponent(q)}`;

test('a query in the address finds traces, the longest first on demand, and a row opens its trace', {
  skip,
}, async () => {
  const { page, problems } = await ui.open(path('{ kind = server || duration > 1m }'));
  const rows = page.getByRole('table', { name: 'Traces' }).locator('tbody tr');
  await rows.first().waitFor();
  assert.ok((await rows.count()) > 20);
  await page.getByRole('button', { name: 'Duration', exact: true }).click();
  await page.waitForURL(/sort=duration/);
  const longest = rows
    .first()
    .filter({ hasText: '1.5 min' })
    .or(rows.first().filter({ hasText: hostile }));
  await longest.waitFor();
  assert.equal(await page.evaluate(() => window.hit), undefined);
  await rows.first().getByRole('link').first().click();
  await page.waitForURL(/\/trace\/0*aa/);
  assert.deepEqual(problems, []);
});

test('a query is written in the editor and run with a key; a mistake is told', { skip }, async () => {
  const { page } = await ui.open('/search');
  const editor = page.getByRole('textbox', { name: 'TraceQL query' });
  await editor.click();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type('{ duration > ');
  await page.getByRole('button', { name: 'Run' }).click();
  await page.getByText(/At character \d+/).waitFor();
  await page.goto(ui.server.http + path('{ name = "nothing has this name" }'));
  await page.getByRole('heading', { name: 'No traces' }).waitFor();
});

for (const theme of ['dark', 'light'] as const) {
  test(`axe has no serious findings (${theme})`, { skip }, async () => {
    const { page } = await ui.open(path('{ }'), { theme });
    await page.getByRole('table', { name: 'Traces' }).waitFor();
    assert.deepEqual(await seriousFindings(page), []);
  });
}
