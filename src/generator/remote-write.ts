/**
 * Bodies of Prometheus remote write, before compression: protocol 1.0 (`prometheus.WriteRequest`) and 2.0
 * (`io.prometheus.write.v2.Request`, where labels are numbers of a symbol table). One body holds at most `samplesMax`
 * samples; of a classic histogram the buckets may fall into two.
 * https://prometheus.io/docs/specs/prw/remote_write_spec/ and .../remote_write_spec_2_0/
 */
import { ProtoWriter } from '../base/protobuf.ts';
import { type Label, type LabelSet, mergeLabels } from './labels.ts';
import { type NativeHistogram, zeroThreshold } from './native-histogram.ts';
import type { Exemplar, MetricType, SampleSink } from './sink.ts';

export type RemoteWriteVersion = '1.0' | '2.0';

export interface RemoteWriteOptions {
  readonly version: RemoteWriteVersion;
  readonly nowMs: number;
  /** On every series: external labels, and who generated it. */
  readonly addedLabels: readonly Label[];
  readonly samplesMax: number;
  /** Name of the exemplars' label with the trace id. */
  readonly traceIdLabel: string;
  readonly exemplars: boolean;
  readonly nativeHistograms: boolean;
}

export interface RemoteWriteBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly samples: number;
  readonly exemplars: number;
  readonly histograms: number;
}

const metricTypes = { counter: 1, gauge: 2, histogram: 3 } as const;

type Sample = Parameters<SampleSink['sample']>[0];
type NativeSample = Parameters<SampleSink['native']>[0];

/** Gathers bodies; {@link finish} returns them. */
export class RemoteWriteEncoder implements SampleSink {
  readonly #options: RemoteWriteOptions;
  readonly #writer = new ProtoWriter(1 << 16);
  readonly #bodies: RemoteWriteBody[] = [];
  readonly #symbols = new Map<string, number>();
  #type: MetricType = 'gauge';
  #samples = 0;
  #exemplars = 0;
  #histograms = 0;
  /** Labels with those that every series has; a set is asked for once for each of its buckets. */
  readonly #merged = new WeakMap<LabelSet, readonly Label[]>();

  constructor(options: RemoteWriteOptions) {
    this.#options = options;
    this.#symbol('');
  }

  get version(): RemoteWriteVersion {
    return this.#options.version;
  }

  family(_name: string, type: MetricType): void {
    this.#type = type;
  }

  sample({ name, labels, le, value, zeroMs, exemplar }: Sample): void {
    const { nowMs, exemplars, version } = this.#options;
    const isV1 = version === '1.0';
    this.#series(name, labels, le, (writer) => {
      if (zeroMs !== undefined) this.#sample(writer, 0, zeroMs);
      this.#sample(writer, value, nowMs);
      if (exemplars && exemplar !== undefined) this.#exemplar(writer, isV1 ? 3 : 4, exemplar);
    });
    if (this.#samples + this.#histograms >= this.#options.samplesMax) this.#endBody();
  }

  native({ name, labels, histogram, zeroMs, exemplars }: NativeSample): void {
    const { nowMs, nativeHistograms, version } = this.#options;
    if (!nativeHistograms) return;
    const isV1 = version === '1.0';
    this.#series(name, labels, undefined, (writer) => {
      const write = (of: NativeHistogram | undefined, timeMs: number): void => {
        writer.message(isV1 ? 4 : 3, () => writeHistogram(writer, of, histogram.schema, timeMs));
        this.#histograms++;
      };
      if (isV1 && this.#options.exemplars) for (const exemplar of exemplars) this.#exemplar(writer, 3, exemplar);
      if (zeroMs !== undefined) write(undefined, zeroMs);
      write(histogram, nowMs);
      if (!isV1 && this.#options.exemplars) for (const exemplar of exemplars) this.#exemplar(writer, 4, exemplar);
    });
    if (this.#samples + this.#histograms >= this.#options.samplesMax) this.#endBody();
  }

  finish(): readonly RemoteWriteBody[] {
    if (this.#samples + this.#histograms > 0) this.#endBody();
    return this.#bodies;
  }

  #series(name: string, labels: LabelSet, le: string | undefined, values: (writer: ProtoWriter) => void): void {
    const writer = this.#writer;
    const all = this.#labelsOf(labels);
    if (this.#options.version === '1.0') {
      writer.message(1, () => {
        for (const label of named(all, name, le)) writeLabel(writer, label);
        values(writer);
      });
      return;
    }
    writer.message(5, () => {
      const refs = new ProtoWriter();
      for (const label of named(all, name, le)) {
        refs.rawVarint(this.#symbol(label.name));
        refs.rawVarint(this.#symbol(label.value));
      }
      writer.bytes(1, refs.peek());
      values(writer);
      writer.message(5, () => writer.uint(1, metricTypes[this.#type]));
    });
  }

  #labelsOf(labels: LabelSet): readonly Label[] {
    let merged = this.#merged.get(labels);
    if (merged === undefined) this.#merged.set(labels, (merged = mergeLabels(labels, this.#options.addedLabels)));
    return merged;
  }

  #sample(writer: ProtoWriter, value: number, timeMs: number): void {
    writer.message(2, () => {
      writer.double(1, value);
      writer.uint(2, timeMs);
    });
    this.#samples++;
  }

  #exemplar(writer: ProtoWriter, field: number, { traceId, value, timeMs }: Exemplar): void {
    const { version, traceIdLabel } = this.#options;
    writer.message(field, () => {
      if (version === '1.0') writeLabel(writer, { name: traceIdLabel, value: traceId });
      else {
        const refs = new ProtoWriter(16);
        refs.rawVarint(this.#symbol(traceIdLabel));
        refs.rawVarint(this.#symbol(traceId));
        writer.bytes(1, refs.peek());
      }
      writer.double(2, value);
      writer.uint(3, timeMs);
    });
    this.#exemplars++;
  }

  /** Number of a text in the body's symbol table. */
  #symbol(text: string): number {
    let number = this.#symbols.get(text);
    if (number === undefined) this.#symbols.set(text, (number = this.#symbols.size));
    return number;
  }

  #endBody(): void {
    if (this.#options.version === '2.0') {
      for (const text of this.#symbols.keys()) this.#writer.string(4, text);
      this.#symbols.clear();
      this.#symbol('');
    }
    const { samples, exemplars, histograms } = this.#counts();
    this.#bodies.push({ bytes: this.#writer.finish(), samples, exemplars, histograms });
    this.#writer.reset();
    this.#samples = this.#exemplars = this.#histograms = 0;
  }

  #counts(): { samples: number; exemplars: number; histograms: number } {
    return { samples: this.#samples, exemplars: this.#exemplars, histograms: this.#histograms };
  }
}

/** The labels of one series in order: `__name__` and `le` stand where they belong. */
function* named(labels: readonly Label[], name: string, le: string | undefined): Iterable<Label> {
  const extra: Label[] = [{ name: '__name__', value: name }];
  if (le !== undefined) extra.push({ name: 'le', value: le });
  let next = 0;
  for (const label of labels) {
    while (next < extra.length && extra[next]!.name < label.name) yield extra[next++]!;
    yield label;
  }
  while (next < extra.length) yield extra[next++]!;
}

function writeLabel(writer: ProtoWriter, { name, value }: Label): void {
  writer.message(1, () => {
    writer.string(1, name);
    writer.string(2, value);
  });
}

/**
 * The Histogram message, which both protocols have alike. Counts are whole numbers unless spans stand for fractions.
 * @param histogram undefined: one without observations
 */
function writeHistogram(
  writer: ProtoWriter,
  histogram: NativeHistogram | undefined,
  schema: number,
  timeMs: number,
): void {
  const { count, sum, zeroCount, buckets } = histogram ?? { count: 0, sum: 0, zeroCount: 0, buckets: [] };
  const isWhole =
    Number.isInteger(count) && Number.isInteger(zeroCount) && buckets.every(([, n]) => Number.isInteger(n));
  if (isWhole) writer.uint(1, count);
  else writer.double(2, count);
  writer.double(3, sum);
  writer.uint(4, zigzag(schema));
  writer.double(5, zeroThreshold);
  if (isWhole) writer.uint(6, zeroCount);
  else writer.double(7, zeroCount);
  for (const { offset, length } of spansOf(buckets)) {
    writer.message(11, () => {
      writer.uint(1, zigzag(offset));
      writer.uint(2, length);
    });
  }
  if (isWhole) {
    const deltas = new ProtoWriter();
    let before = 0;
    for (const [, bucket] of buckets) {
      deltas.rawVarint(zigzag(bucket - before));
      before = bucket;
    }
    writer.bytes(12, deltas.peek());
  } else {
    const counts = new Float64Array(buckets.map(([, bucket]) => bucket));
    writer.bytes(13, new Uint8Array(counts.buffer));
  }
  writer.uint(15, timeMs);
}

/** Runs of neighbouring buckets; the offset is from the end of the run before. */
function spansOf(buckets: readonly (readonly [number, number])[]): { offset: number; length: number }[] {
  const spans: { offset: number; length: number }[] = [];
  let next: number | undefined;
  for (const [index] of buckets) {
    if (next === index) spans.at(-1)!.length++;
    else spans.push({ offset: next === undefined ? index : index - next, length: 1 });
    next = index + 1;
  }
  return spans;
}

const zigzag = (value: number): number => (value >= 0 ? value * 2 : -value * 2 - 1);
