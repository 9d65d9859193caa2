/** The answer of `compare()`, a series for each attribute, value and side, as counts. */
import type { AnyValueJson, InstantSeriesJson } from '../../../src/api/contract/index.ts';
import type { AttributeCounts, Compared } from './difference.ts';
import { missing, valueText } from './query.ts';

interface Collected {
  readonly values: Map<string, { value: AnyValueJson; selection: number; baseline: number }>;
  selection: number;
  baseline: number;
  /** Values were left out on a side: any that is not named occurs at most as often as the rarest that is. */
  readonly cut: { selection: boolean; baseline: boolean };
}

/** Every span has these, so that their totals are the number of spans. */
const always = ['name', 'kind', 'status'];

/** `query`: attributes that it mentions are counted twice by the server, as Tempo counts them. */
export function readCompare(series: readonly InstantSeriesJson[], query: string): Compared<AnyValueJson> {
  const collected = new Map<string, Collected>();
  for (const { labels = [], value = 0 } of series) {
    const meta = labels.find(({ key }) => key === '__meta_type')?.value.stringValue;
    const label = labels.find(({ key }) => !key.startsWith('__'));
    if (meta === undefined || label === undefined) continue;
    let attribute = collected.get(label.key);
    if (attribute === undefined) {
      attribute = { values: new Map(), selection: 0, baseline: 0, cut: { selection: false, baseline: false } };
      collected.set(label.key, attribute);
    }
    const side = meta.startsWith('selection') ? 'selection' : 'baseline';
    const count = mentions(query, label.key) ? Number(value) / 2 : Number(value);
    if (labels.some(({ key }) => key === '__meta_error')) attribute.cut[side] = true;
    else if (meta.endsWith('_total')) attribute[side] = count;
    else addValue(attribute, label.value, side, count);
  }
  const total = (side: 'selection' | 'baseline'): number =>
    Math.max(0, ...always.map((key) => collected.get(key)?.[side] ?? 0));
  const attributes = [...collected].map(([key, attribute]) => countsOf(key, attribute));
  return { selection: total('selection'), baseline: total('baseline'), attributes };
}

function addValue(attribute: Collected, value: AnyValueJson, side: 'selection' | 'baseline', count: number): void {
  const text = `${Object.keys(value)[0]} ${valueText(value)}`;
  let entry = attribute.values.get(text);
  if (entry === undefined) attribute.values.set(text, (entry = { value, selection: 0, baseline: 0 }));
  entry[side] += count;
}

function countsOf(key: string, { values, selection, baseline, cut }: Collected): AttributeCounts<AnyValueJson> {
  const named = [...values.values()];
  const least = (side: 'selection' | 'baseline'): number =>
    cut[side] ? Math.min(...named.map((each) => each[side]).filter((count) => count > 0)) : 0;
  const unnamed = { selection: least('selection'), baseline: least('baseline') };
  // Spans without the attribute are a value of their own for every attribute: the server's `nil` would count them twice.
  const present = named.filter(({ value }) => value.stringValue !== missing);
  const absent = named.find(({ value }) => value.stringValue === missing);
  return {
    key,
    selection: selection - (absent?.selection ?? 0),
    baseline: baseline - (absent?.baseline ?? 0),
    values: present.map((each) => ({
      value: each.value,
      selection: each.selection || unnamed.selection,
      baseline: each.baseline || unnamed.baseline,
    })),
  };
}

/** Whether a query has the name as a word, scoped or not. */
function mentions(query: string, key: string): boolean {
  const unscoped = key.replace(/^(?:span|resource)(?=\.)/, '');
  return [key, unscoped].some((name) => {
    const at = query.indexOf(name);
    if (at === -1) return false;
    const before = query[at - 1] ?? ' ';
    const after = query[at + name.length] ?? ' ';
    return !/[\w.:"-]/.test(before) && !/[\w.:-]/.test(after);
  });
}
