/** The text format in which a process tells its metrics (https://prometheus.io/docs/instrumenting/exposition_formats/). */

export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

const line = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const escapes: Readonly<Record<string, string>> = { n: '\n', '"': '"', '\\': '\\' };

/** Lines that are no samples are left out. */
export function parseMetrics(text: string): readonly Sample[] {
  return text.split('\n').flatMap((each) => {
    const match = line.exec(each);
    if (match === null) return [];
    const labels = new Map<string, string>();
    for (const [, name, value] of (match[2] ?? '').matchAll(label))
      labels.set(
        name!,
        value!.replace(/\\(.)/g, (whole, letter: string) => escapes[letter] ?? whole),
      );
    return [{ name: match[1]!, labels, value: Number(match[3]) }];
  });
}

/** The sum of a metric's samples whose labels have these values. */
export function total(samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>> = {}): number {
  let sum = 0;
  for (const sample of samples) {
    if (sample.name !== name) continue;
    if (Object.entries(labels).every(([key, value]) => sample.labels.get(key) === value)) sum += sample.value;
  }
  return sum;
}

/** The distinct values of a label over the samples of a metric, in order. */
export function labelValues(samples: readonly Sample[], name: string, key: string): readonly string[] {
  const values = samples.flatMap((sample) => (sample.name === name ? (sample.labels.get(key) ?? []) : []));
  return [...new Set(values)].sort();
}
