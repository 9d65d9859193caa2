/** What one tenant's generator does; plain data, since it crosses threads. Units stand last in names. */

/** One condition of a filter policy: an attribute or intrinsic, and what it must be. */
export interface PolicyAttribute {
  /** `kind`, `name`, `status`, `resource.x` or `span.x`. */
  readonly key: string;
  readonly value: string | number | boolean;
}

export interface PolicyMatch {
  readonly match_type: 'strict' | 'regex';
  readonly attributes: readonly PolicyAttribute[];
}

export interface FilterPolicy {
  readonly include?: PolicyMatch | undefined;
  readonly include_any?: PolicyMatch | undefined;
  readonly exclude?: PolicyMatch | undefined;
}

export interface DimensionMapping {
  readonly name: string;
  readonly source_labels: readonly string[];
  readonly join?: string | undefined;
}

/** How a span that stands for several is counted. */
export interface MultiplierSettings {
  /** Attribute with the sampling ratio; empty: none. */
  readonly spanMultiplierKey: string;
  /** Reads `ot=th:` of the trace state. */
  readonly traceStateMultiplier: boolean;
}

export interface SpanMetricsSettings extends MultiplierSettings {
  readonly calls: boolean;
  readonly latency: boolean;
  readonly size: boolean;
  /** Upper bounds, seconds. */
  readonly buckets: readonly number[];
  readonly intrinsics: {
    readonly service: boolean;
    readonly span_name: boolean;
    readonly span_kind: boolean;
    readonly status_code: boolean;
    readonly status_message: boolean;
  };
  readonly dimensions: readonly string[];
  readonly mappings: readonly DimensionMapping[];
  readonly policies: readonly FilterPolicy[];
  readonly targetInfo: boolean;
  readonly targetInfoExcluded: readonly string[];
  readonly instanceLabel: boolean;
}

export interface ServiceGraphSettings extends MultiplierSettings {
  readonly buckets: readonly number[];
  readonly dimensions: readonly string[];
  readonly peerAttributes: readonly string[];
  readonly databaseNameAttributes: readonly string[];
  readonly policies: readonly FilterPolicy[];
  readonly clientServerPrefix: boolean;
  readonly messagingLatency: boolean;
  readonly virtualNodeLabel: boolean;
  /** How long one side waits for the other. */
  readonly waitMs: number;
  readonly edgesMax: number;
}

export interface HostInfoSettings {
  readonly identifiers: readonly string[];
  readonly metricName: string;
}

export interface RegistrySettings {
  readonly limiter: 'series' | 'entity';
  /** 0 = no limit, here and below. */
  readonly seriesMax: number;
  readonly entitiesMax: number;
  readonly valuesPerLabelMax: number;
  readonly staleMs: number;
  readonly histograms: 'classic' | 'native' | 'both';
  /** Each bucket of a native histogram is at most so many times as wide as the one before. */
  readonly nativeFactor: number;
  readonly nativeBucketsMax: number;
  readonly nativeResetMs: number;
}

export interface GeneratorSettings {
  readonly registry: RegistrySettings;
  readonly spanMetrics: SpanMetricsSettings | undefined;
  readonly serviceGraphs: ServiceGraphSettings | undefined;
  readonly hostInfo: HostInfoSettings | undefined;
  readonly spanNames: 'as_they_are' | 'dry_run' | 'clustered';
  /** Spans that ended longer ago, or later than this from now, are not counted. */
  readonly slackMs: number;
  readonly collectionIntervalMs: number;
  /** Counts, but sends nothing. */
  readonly collectionDisabled: boolean;
  readonly traceIdLabel: string;
  /** Beside those of the endpoint. */
  readonly remoteWriteHeaders: Readonly<Record<string, string>>;
}

/** `factor` multiplies from `first` on. */
const exponential = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => Number((first * 2 ** i).toPrecision(12)));

export const spanMetricsBuckets: readonly number[] = exponential(0.002, 14);
export const serviceGraphBuckets: readonly number[] = exponential(0.1, 8);

/** Whether there is anything to count. */
export function isActive(settings: GeneratorSettings): boolean {
  return settings.spanMetrics !== undefined || settings.serviceGraphs !== undefined || settings.hostInfo !== undefined;
}
