/** What is asked of generated metrics, wherever they are read. */
import assert from 'node:assert/strict';
import { type Counted, seriesName } from './count.ts';
import { promQuery } from './prometheus.ts';

export async function eventually(check: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** Newest value of every series whose name begins so, without the labels that all have; of several shards the sum. */
export async function stored(url: string, prefix: string): Promise<Counted> {
  const counted: Counted = new Map();
  for (const { metric, value } of await promQuery(url, `{__name__=~"${prefix}.*"}`)) {
    const { __name__, __metrics_gen_instance, cluster, ...labels } = metric;
    if (value === undefined) continue;
    assert.equal(cluster, 'test');
    assert.ok(__metrics_gen_instance);
    const series = seriesName(__name__!, labels);
    counted.set(series, (counted.get(series) ?? 0) + Number(value[1]));
  }
  return counted;
}

export function assertSame(actual: Counted, expected: Counted): void {
  const wrong: string[] = [];
  for (const [series, value] of expected) {
    const found = actual.get(series);
    if (found === undefined || Math.abs(found - value) > 1e-6 * Math.max(1, value))
      wrong.push(`${series}: ${found}, expected ${value}`);
  }
  for (const series of actual.keys()) if (!expected.has(series)) wrong.push(`${series} is too much`);
  assert.equal(wrong.length, 0, `${wrong.length} series are wrong: ${wrong.slice(0, 5).join('\n')}`);
}

export async function check(what: string, look: () => Promise<void>): Promise<void> {
  await eventually(look).catch((error: unknown) => {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  });
}

/** The same out of pages to be scraped. */
export function scraped(pages: readonly string[], prefix: RegExp): Counted {
  const counted: Counted = new Map();
  for (const line of pages.flatMap((page) => page.split('\n'))) {
    const [, name, labels, value] = /^(\w+)\{(.*?)\} (\S+)/.exec(line) ?? [];
    if (name === undefined || !prefix.test(name)) continue;
    const pairs = [...labels!.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) => [label, text!]);
    const { __metrics_gen_instance, cluster, ...others } = Object.fromEntries(pairs) as Record<string, string>;
    assert.ok(__metrics_gen_instance);
    const series = seriesName(name, others);
    counted.set(series, (counted.get(series) ?? 0) + Number(value));
  }
  return counted;
}
