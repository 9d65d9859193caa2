/**
 * The trace page with 1,000, 100,000 and 1,000,000 spans in Chromium: time to the first bars, frames while scrolling and
 * zooming, heap. Prints what docs/performance.md says; what is asserted is far from what a quiet machine needs.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { missingChromium, type RunningUi, startUi } from '../support/browser.ts';
import { largeTrace } from './trace-spans.ts';

const skip = missingChromium();
let ui: RunningUi;

before(async () => {
  if (skip === false) ui = await startUi();
});
after(async () => {
  if (skip === false) await ui.close();
});

interface Frames {
  readonly frames: number;
  readonly seconds: number;
}

/** User and system time of the server so far. Linux counts it in hundredths of a second. */
function serverCpuMs(): number {
  const fields = readFileSync(`/proc/${ui.server.pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Runs `step` before every frame for so many frames, and says how long they took. */
async function frames(page: Page, step: string): Promise<Frames> {
  return page.evaluate(`new Promise((resolve) => {
    const chart = document.querySelector('.trace-chart');
    const box = chart.getBoundingClientRect();
    const wheel = (init) => chart.dispatchEvent(new WheelEvent('wheel', {
      bubbles: true, cancelable: true, clientX: box.left + box.width * 0.7, clientY: box.top + 300, ...init,
    }));
    const times = [];
    let i = 0;
    const run = (now) => {
      times.push(now);
      if (times.length > 120) {
        resolve({ frames: times.length - 1, seconds: (times.at(-1) - times[0]) / 1000 });
        return;
      }
      i++;
      ${step};
      requestAnimationFrame(run);
    };
    requestAnimationFrame(run);
  })`);
}

for (const [index, count] of [1_000, 100_000, 1_000_000].entries()) {
  test(`a trace of ${count} spans`, { skip, timeout: 300_000 }, async () => {
    const traceId = `0af7651916cd43dd8448eb211c8031${String(index).padStart(2, '0')}`;
    for (const spans of largeTrace(traceId, BigInt(Date.now() - 120_000) * 1_000_000n, count)) await ui.send(spans);
    const { page, problems } = await ui.open('/status');
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    /** Processor time of the page's main thread so far, ms: says the same on a busy machine. */
    const pageCpuMs = async (): Promise<number> => {
      const { metrics } = await session.send('Performance.getMetrics');
      return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0) * 1000;
    };
    const cpuOf = async <Shape>(work: () => Promise<Shape>): Promise<[result: Shape, ms: number]> => {
      const cpuBefore = await pageCpuMs();
      const result = await work();
      return [result, Math.round(((await pageCpuMs()) - cpuBefore) * 10) / 10];
    };
    const open = async (): Promise<number> => {
      const started = performance.now();
      await page.goto(`${ui.server.http}/trace/${traceId}`);
      await page.waitForSelector('#trace-row-10');
      await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
      return Math.round(performance.now() - started);
    };
    const first = await open();
    const serverBefore = serverCpuMs();
    const again = await open();
    // Counted anew for every document.
    const openCpu = Math.round(await pageCpuMs());
    const serverCpu = serverCpuMs() - serverBefore;
    const transfer = (await page.evaluate(
      'performance.getEntriesByType("resource").find((entry) => entry.name.includes("trace-columns"))?.transferSize',
    )) as number;
    const [scroll, scrollCpu] = await cpuOf(() => frames(page, 'wheel({ deltaY: i % 2 ? 400 : 377 })'));
    const jumps = 'wheel({ deltaY: (i % 2 ? 1 : -1) * 24 * Math.floor(Math.random() * 1e6) })';
    const [jump, jumpCpu] = await cpuOf(() => frames(page, jumps));
    const zooms = 'wheel({ ctrlKey: true, deltaY: i < 60 ? -60 : 60 })';
    const [zoom, zoomCpu] = await cpuOf(() => frames(page, zooms));
    await page.locator('.trace-name').nth(3).click();
    const clicked = performance.now();
    await page.waitForSelector('.trace-detail h2');
    const detailMs = Math.round(performance.now() - clicked);
    const collapseMs = await page.evaluate(`new Promise((done) => {
      const start = performance.now();
      document.querySelector('[aria-label="Collapse all (C)"]').click();
      requestAnimationFrame(() => requestAnimationFrame(() => done(Math.round(performance.now() - start))));
    })`);
    await page.evaluate(`document.querySelector('[aria-label="Expand all (X)"]').click()`);
    await session.send('HeapProfiler.collectGarbage');
    const heap = (await session.send('Runtime.getHeapUsage')) as {
      readonly usedSize: number;
      readonly backingStorageSize?: number;
    };
    const report = {
      spans: count,
      firstPaintMs: first,
      againMs: again,
      transferMB: Number((transfer / 1e6).toFixed(2)),
      scrollFps: Math.round(scroll.frames / scroll.seconds),
      jumpFps: Math.round(jump.frames / jump.seconds),
      zoomFps: Math.round(zoom.frames / zoom.seconds),
      cpuMsPerFrame: [scrollCpu / scroll.frames, jumpCpu / jump.frames, zoomCpu / zoom.frames].map((ms) =>
        ms.toFixed(1),
      ),
      pageCpuMs: openCpu,
      serverCpuMs: serverCpu,
      detailMs,
      collapseMs,
      heapMB: Math.round(heap.usedSize / 1e6),
      arraysMB: Math.round((heap.backingStorageSize ?? 0) / 1e6),
    };
    console.log(JSON.stringify(report));
    assert.deepEqual(problems, []);
    assert.ok(again < 10_000, `opened in ${again} ms`);
    assert.ok(scroll.frames / scroll.seconds > 10, 'scrolling');
  });
}
