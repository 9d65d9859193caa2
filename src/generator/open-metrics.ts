/**
 * The series of a tenant as a page to be scraped: OpenMetrics with exemplars, or Prometheus's text without.
 * https://prometheus.io/docs/specs/om/open_metrics_spec/
 */
import type { Label, LabelSet } from './labels.ts';
import { mergeLabels } from './labels.ts';
import type { Exemplar, MetricType, SampleSink } from './sink.ts';

export type TextFormat = 'openmetrics' | 'prometheus';

type Sample = Parameters<SampleSink['sample']>[0];

export const textContentType: Readonly<Record<TextFormat, string>> = {
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
};

/** What a scraper's Accept header asks for. */
export function textFormat(accept: string | undefined): TextFormat {
  return accept?.includes('application/openmetrics-text') ? 'openmetrics' : 'prometheus';
}

interface SourceOptions {
  readonly addedLabels: readonly Label[];
  readonly traceIdLabel: string;
}

/** One page of one or several sources: a metric's samples stand together, whichever source they come from. */
export class TextPage {
  readonly #format: TextFormat;
  /** By metric, in the order in which they were first met. */
  readonly #families = new Map<string, string[]>();

  constructor(format: TextFormat) {
    this.#format = format;
  }

  /** Takes the series of one generator. */
  source(options: SourceOptions): SampleSink {
    return new TextSink(this.#format, options, (name, type) => this.#family(name, type));
  }

  text(): string {
    const families = [...this.#families.values()].map((pieces) => pieces.join(''));
    return families.join('') + (this.#format === 'openmetrics' ? '# EOF\n' : '');
  }

  #family(name: string, type: MetricType): string[] {
    let pieces = this.#families.get(name);
    if (pieces === undefined) {
      // OpenMetrics names a counter without the suffix that its samples have.
      const isCounter = type === 'counter' && this.#format === 'openmetrics';
      pieces = [`# TYPE ${isCounter ? name.replace(/_total$/, '') : name} ${type}\n`];
      this.#families.set(name, pieces);
    }
    return pieces;
  }
}

class TextSink implements SampleSink {
  readonly #format: TextFormat;
  readonly #options: SourceOptions;
  readonly #open: (name: string, type: MetricType) => string[];
  #pieces: string[] = [];
  #type: MetricType = 'gauge';
  /** Label sets without the bucket's, as text. */
  readonly #texts = new WeakMap<LabelSet, string>();

  constructor(format: TextFormat, options: SourceOptions, open: (name: string, type: MetricType) => string[]) {
    this.#format = format;
    this.#options = options;
    this.#open = open;
  }

  family(name: string, type: MetricType): void {
    this.#type = type;
    this.#pieces = this.#open(name, type);
  }

  sample({ name, labels, le, value, exemplar }: Sample): void {
    let text = this.#texts.get(labels);
    if (text === undefined) this.#texts.set(labels, (text = labelText(mergeLabels(labels, this.#options.addedLabels))));
    const comma = text === '' || le === undefined ? '' : ',';
    const bound = le === undefined ? '' : `${comma}le="${le}"`;
    const braces = text === '' && bound === '' ? '' : `{${text}${bound}}`;
    const isShown = exemplar !== undefined && this.#format === 'openmetrics' && this.#type !== 'gauge';
    this.#pieces.push(`${name}${braces} ${numberText(value)}${isShown ? this.#exemplar(exemplar) : ''}\n`);
  }

  /** Text has no native histograms. */
  native(): void {}

  #exemplar({ traceId, value, timeMs }: Exemplar): string {
    return ` # {${this.#options.traceIdLabel}="${traceId}"} ${numberText(value)} ${timeMs / 1000}`;
  }
}

function labelText(labels: readonly Label[]): string {
  return labels.map(({ name, value }) => `${name}="${escaped(value)}"`).join(',');
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}

function numberText(value: number): string {
  return Number.isFinite(value) ? String(value) : Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
