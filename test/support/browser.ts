/**
 * Chromium and a server with traffic in it, for tests of the web UI: one of each per test file.
 *
 *   const ui = await startUi({ history: … });    server, browser, built UI
 *   const { page, problems } = await ui.open('/search');   the page, which remembers what went wrong in it
 *   …
 *   await ui.close();
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { SeededRng } from '../../src/base/random.ts';
import { ShopTraffic } from '../../src/cli/demo/traffic.ts';
import type { PlainSpan } from '../../src/model/plain-span.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { buildUi } from '../../ui/build.ts';
import { postSpans, startTestServer, type TestServer, type TestServerOptions, temporaryFolder } from './server.ts';

const executable = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);

/** The reason to skip, or false. */
export const missingChromium = (): string | false =>
  executable === undefined ? 'SKIPPED: there is no chromium in /usr/bin' : false;

export interface UiOptions {
  /** Visits of the demo's shop, spread over this many minutes until now. Default: none. */
  readonly history?: { readonly visits: number; readonly minutes: number; readonly seed?: number };
  readonly server?: Omit<TestServerOptions, 'dataFolder'>;
}

export interface OpenPage {
  readonly page: Page;
  /** Errors of scripts and of the console, requests to other hosts: must stay empty. */
  readonly problems: string[];
}

export interface PageSettings {
  readonly theme?: 'dark' | 'light';
  readonly width?: number;
  readonly height?: number;
}

export interface RunningUi {
  readonly server: TestServer;
  readonly browser: Browser;
  /** The page, with an empty storage, 1280 × 800 and dark unless told. The page that was open before is this one. */
  open(path: string, settings?: PageSettings): Promise<OpenPage>;
  /** Sends spans and waits until the server took them. */
  send(spans: readonly PlainSpan[]): Promise<void>;
  close(): Promise<void>;
}

export async function startUi(options: UiOptions = {}): Promise<RunningUi> {
  await buildUi();
  const folder = temporaryFolder('ui');
  const server = await startTestServer({ dataFolder: folder.path, ...options.server });
  const browser = await launchChromium();
  const send = async (spans: readonly PlainSpan[]): Promise<void> => {
    const status = await postSpans(server.otlpHttp, plainSpansToOtlp(spans));
    if (status !== 200) throw new Error(`spans were answered with status ${status}`);
  };
  const shared = new SharedPage(browser, server.http);
  if (options.history !== undefined) await sendHistory(options.history, send);
  return {
    server,
    browser,
    send,
    open: (path, settings) => shared.open(path, settings),
    async close() {
      await browser.close();
      await server.stop();
      folder.remove();
    },
  };
}

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: executable!,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

const batchSpansMax = 2000;

async function sendHistory(
  history: NonNullable<UiOptions['history']>,
  send: (spans: readonly PlainSpan[]) => Promise<void>,
): Promise<void> {
  const rng = new SeededRng(history.seed ?? 7);
  const traffic = new ShopTraffic(rng);
  const spanMs = history.minutes * 60_000;
  const startMs = Date.now() - spanMs - 5_000;
  let batch: PlainSpan[] = [];
  for (let visit = 0; visit < history.visits; visit++) {
    const atMs = startMs + (visit / history.visits) * spanMs;
    batch.push(...traffic.visit(BigInt(Math.floor(atMs * 1e6))));
    if (batch.length < batchSpansMax) continue;
    await send(batch);
    batch = [];
  }
  if (batch.length > 0) await send(batch);
}

/**
 * One page that every test goes on with: a page of its own for each takes half a second of processor time to start, and
 * compiles all scripts again.
 */
class SharedPage {
  readonly #browser: Browser;
  readonly #origin: string;
  #page: Promise<Page> | undefined;
  #problems: string[] = [];

  constructor(browser: Browser, origin: string) {
    this.#browser = browser;
    this.#origin = origin;
  }

  async open(path: string, settings: PageSettings = {}): Promise<OpenPage> {
    this.#page ??= this.#start();
    const page = await this.#page;
    // The page before this one must not say more, neither to the storage nor to the problems.
    await page.goto('about:blank');
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Storage.clearDataForOrigin', { origin: this.#origin, storageTypes: 'all' });
    await devtools.detach();
    await page.setViewportSize({ width: settings.width ?? 1280, height: settings.height ?? 800 });
    await page.emulateMedia({ colorScheme: settings.theme ?? 'dark' });
    const problems: string[] = [];
    this.#problems = problems;
    await page.goto(this.#origin + path);
    return { page, problems };
  }

  async #start(): Promise<Page> {
    const context = await this.#browser.newContext({ reducedMotion: 'reduce', timezoneId: 'UTC', locale: 'en-GB' });
    const page = await context.newPage();
    page.on('pageerror', (error) => this.#problems.push(`error: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error') this.#problems.push(`console: ${message.text()}`);
    });
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(this.#origin) && url !== 'about:blank') this.#problems.push(`request to ${url}`);
    });
    return page;
  }
}

const axeFile = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** Serious and critical findings of axe-core, one line each. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // Evaluated by the debugger, so that the page's content security policy stays as it is.
  await page.evaluate(readFileSync(axeFile, 'utf8'));
  const { violations } = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as AxeResult;
  return violations
    .filter((violation) => violation.impact === 'serious' || violation.impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
}

/** The same in dark and in light, without loading the page again. */
export async function seriousFindingsInBothThemes(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.locator(`html[data-theme="${colorScheme}"]`).waitFor();
    found.push(...(await seriousFindings(page)).map((finding) => `${colorScheme}: ${finding}`));
  }
  return found;
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}
