/** Metrics answers: tempopb.QueryRangeResponse and QueryInstantResponse as JSON and protobuf. */
import { ProtoWriter } from '../../base/protobuf.ts';
import type { Exemplar, MetricsResult, MetricsSeries } from '../../traceql/result.ts';
import { JsonWriter } from './json-writer.ts';
import { writeMetricsJson, writeMetricsProto } from './query-metrics.ts';
import { writeAttributesJson, writeAttributesProto } from './result-value.ts';

export interface MetricsEncoding {
  /** One value a series instead of samples. */
  readonly instant: boolean;
  /** The limit that cut the answer, for the message. */
  readonly seriesMax: number;
  readonly withCost: boolean;
  /** What `explain` answered; left out when undefined. */
  readonly explain?: unknown;
}

export function metricsJson(result: MetricsResult, encoding: MetricsEncoding): Buffer {
  const writer = new JsonWriter(16 * 1024);
  writer.raw('{"series":[');
  for (const [index, series] of result.series.entries()) {
    writer.raw(index === 0 ? '{' : ',{');
    seriesJson(writer, series, encoding.instant);
    writer.raw('}');
  }
  writer.raw('],');
  writeMetricsJson(writer, 'search', result.cost, encoding.withCost);
  if (result.truncated) {
    writer.raw(',"status":"PARTIAL","message":');
    writer.string(seriesLimitMessage(encoding.seriesMax));
  }
  if (encoding.explain !== undefined) {
    writer.raw(',"explain":');
    writer.rawBytes(Buffer.from(JSON.stringify(encoding.explain)));
  }
  writer.raw('}');
  return writer.finish();
}

export function metricsProto(
  result: MetricsResult,
  encoding: Pick<MetricsEncoding, 'instant' | 'seriesMax'>,
): Uint8Array {
  const writer = new ProtoWriter(16 * 1024);
  for (const series of result.series) {
    writer.message(1, (message) =>
      encoding.instant ? instantSeriesProto(message, series) : timeSeriesProto(message, series),
    );
  }
  writeMetricsProto(writer, 2, 'search', result.cost);
  if (result.truncated) {
    writer.uint(3, 1);
    writer.string(4, seriesLimitMessage(encoding.seriesMax));
  }
  return writer.finish();
}

export function seriesLimitMessage(seriesMax: number): string {
  return (
    `Response exceeds maximum series limit of ${seriesMax}, a partial response is returned. ` +
    'Warning: the accuracy of each individual value is not guaranteed.'
  );
}

function seriesJson(writer: JsonWriter, series: MetricsSeries, instant: boolean): void {
  writeAttributesJson(writer, '', 'labels', series.labels);
  const open = series.labels.length > 0 ? ',' : '';
  if (instant) {
    const value = series.values[0] ?? 0;
    if (value !== 0) {
      writer.raw(`${open}"value":`);
      writer.double(value);
    }
    return;
  }
  writer.raw(`${open}"samples":[`);
  for (let i = 0; i < series.values.length; i++) {
    writer.raw(i === 0 ? '{"timestampMs":' : ',{"timestampMs":');
    writer.quotedInteger(series.timestampsMs[i]!);
    writeSampleValue(writer, ',', series.values[i]!);
    writer.raw('}');
  }
  writer.raw(']');
  if (series.exemplars.length === 0) return;
  writer.raw(',"exemplars":[');
  for (const [index, exemplar] of series.exemplars.entries()) {
    writer.raw(index === 0 ? '{' : ',{');
    writeAttributesJson(writer, '', 'labels', exemplar.labels);
    const comma = exemplar.labels.length > 0 ? ',' : '';
    writeSampleValue(writer, comma, exemplar.value);
    writer.raw(`${comma === '' && exemplar.value === 0 ? '' : ','}"timestampMs":`);
    writer.quotedInteger(exemplar.timestampMs);
    writer.raw('}');
  }
  writer.raw(']');
}

/** proto3: 0 is left out; NaN is not 0. */
function writeSampleValue(writer: JsonWriter, open: string, value: number): void {
  if (value === 0) return;
  writer.raw(`${open}"value":`);
  writer.double(value);
}

/** InstantSeries: labels 1, value 2 */
function instantSeriesProto(writer: ProtoWriter, series: MetricsSeries): void {
  writeAttributesProto(writer, 1, series.labels);
  const value = series.values[0] ?? 0;
  if (value !== 0) writer.double(2, value);
}

/** TimeSeries: labels 1, samples 2 { value 1, timestampMs 2 }, exemplars 4 */
function timeSeriesProto(writer: ProtoWriter, series: MetricsSeries): void {
  writeAttributesProto(writer, 1, series.labels);
  for (let i = 0; i < series.values.length; i++) {
    writer.message(2, (sample) => {
      if (series.values[i] !== 0) sample.double(1, series.values[i]!);
      sample.uint(2, series.timestampsMs[i]!);
    });
  }
  for (const exemplar of series.exemplars) writer.message(4, (message) => exemplarProto(message, exemplar));
}

/** Exemplar: labels 1, value 2, timestampMs 3 */
function exemplarProto(writer: ProtoWriter, exemplar: Exemplar): void {
  writeAttributesProto(writer, 1, exemplar.labels);
  if (exemplar.value !== 0) writer.double(2, exemplar.value);
  writer.uint(3, exemplar.timestampMs);
}
