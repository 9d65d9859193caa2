/** A sink that keeps what it is given, for tests. */
import type { NativeState } from '../../src/generator/native-histogram.ts';
import type { Exemplar, SampleSink } from '../../src/generator/sink.ts';
import { type Counted, seriesName } from './count.ts';

export class Collected implements SampleSink {
  readonly values: Counted = new Map();
  readonly zeros = new Set<string>();
  readonly exemplars = new Map<string, Exemplar>();
  readonly natives = new Map<string, { state: NativeState; exemplars: readonly Exemplar[] }>();

  family(): void {}

  sample({ name, labels, le, value, zeroMs, exemplar }: Parameters<SampleSink['sample']>[0]): void {
    const all = Object.fromEntries(labels.labels.map((label) => [label.name, label.value]));
    const series = seriesName(name, le === undefined ? all : { ...all, le });
    this.values.set(series, value);
    if (zeroMs !== undefined) this.zeros.add(series);
    if (exemplar !== undefined) this.exemplars.set(series, exemplar);
  }

  native({ name, labels, histogram, exemplars }: Parameters<SampleSink['native']>[0]): void {
    const all = Object.fromEntries(labels.labels.map((label) => [label.name, label.value]));
    this.natives.set(seriesName(name, all), { state: histogram.state(), exemplars });
  }

  /** Series whose name begins so, by name. */
  of(prefix: string): [string, number][] {
    return [...this.values].filter(([series]) => series.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
  }
}
