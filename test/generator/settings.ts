/** Settings of a generator as an empty configuration with all processors has them. */
import { type GeneratorSettings, serviceGraphBuckets, spanMetricsBuckets } from '../../src/generator/settings.ts';

export const allProcessors: GeneratorSettings & {
  readonly spanMetrics: NonNullable<GeneratorSettings['spanMetrics']>;
  readonly serviceGraphs: NonNullable<GeneratorSettings['serviceGraphs']>;
} = {
  registry: {
    limiter: 'series',
    seriesMax: 0,
    entitiesMax: 0,
    valuesPerLabelMax: 0,
    staleMs: 15 * 60_000,
    histograms: 'classic',
    nativeFactor: 1.1,
    nativeBucketsMax: 100,
    nativeResetMs: 15 * 60_000,
  },
  spanMetrics: {
    calls: true,
    latency: true,
    size: true,
    buckets: spanMetricsBuckets,
    intrinsics: { service: true, span_name: true, span_kind: true, status_code: true, status_message: false },
    dimensions: [],
    mappings: [],
    policies: [],
    targetInfo: false,
    targetInfoExcluded: [],
    instanceLabel: true,
    spanMultiplierKey: '',
    traceStateMultiplier: false,
  },
  serviceGraphs: {
    buckets: serviceGraphBuckets,
    dimensions: [],
    peerAttributes: ['peer.service', 'db.name', 'db.system'],
    databaseNameAttributes: ['db.namespace', 'db.name', 'db.system'],
    policies: [],
    clientServerPrefix: false,
    messagingLatency: false,
    virtualNodeLabel: false,
    waitMs: 10_000,
    edgesMax: 10_000,
    spanMultiplierKey: '',
    traceStateMultiplier: false,
  },
  hostInfo: { identifiers: ['k8s.node.name', 'host.id'], metricName: 'traces_host_info' },
  spanNames: 'as_they_are',
  slackMs: 30_000,
  collectionIntervalMs: 15_000,
  collectionDisabled: false,
  traceIdLabel: 'traceID',
  remoteWriteHeaders: {},
};
