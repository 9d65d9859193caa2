/** Answers in the canonical form of the conformance corpus (see its README), so that recorded ones can be compared. */
import { createHash } from 'node:crypto';
import type {
  MetricsResult,
  ResultAttribute,
  ResultValue,
  TagNamesResult,
  TagValuesResult,
} from '../../src/traceql/result.ts';
import { type Answer, baseMs, type CorpusEntry } from './in-process.ts';

const inlineBytesMax = 40_000;
const listMax = 200;

const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
const round = (value: number): number | string =>
  Number.isFinite(value) ? Number(value.toPrecision(9)) : String(value);

function typed(value: ResultValue): string {
  switch (value.type) {
    case 'string':
      return `s:${value.value}`;
    case 'int':
      return `i:${value.value}`;
    case 'float':
      return `d:${round(value.value)}`;
    case 'bool':
      return `b:${value.value}`;
    case 'nil':
      return 'nil';
    default:
      throw new Error(`a label of type ${value.type}`);
  }
}

const labelsOf = (labels: readonly ResultAttribute[]): string =>
  labels
    .map(({ key, value }) => `${key}=${typed(value)}`)
    .sort()
    .join(', ');

const byLabels = <T extends { readonly l: string }>(series: T[]): T[] => series.sort((a, b) => (a.l < b.l ? -1 : 1));

export function canonicalRange(result: MetricsResult): Answer {
  const series = byLabels(
    result.series.map(({ labels, timestampsMs, values }) => {
      const points = timestampsMs.map((time, i) => [time - baseMs, round(values[i]!)] as const);
      const first = points[0]?.[0] ?? null;
      const dt = points.length > 1 ? points[1]![0] - points[0]![0] : 0;
      const even = points.every(([time], i) => time === first! + i * dt);
      const l = labelsOf(labels);
      return even ? { l, t0: first, dt, v: points.map(([, value]) => value) } : { l, s: points };
    }),
  );
  if (series.length <= listMax && JSON.stringify(series).length <= inlineBytesMax)
    return { status: 200, n: series.length, series };
  const labels = sha(series.map(({ l }) => l).join('\n'));
  return { status: 200, n: series.length, sha256: sha(JSON.stringify(series)), labels, head: series.slice(0, 10) };
}

export function canonicalInstant(result: MetricsResult): Answer {
  const series = byLabels(
    result.series.map(({ labels, values }) => ({ l: labelsOf(labels), v: round(values[0] ?? 0) })),
  );
  if (series.length <= listMax) return { status: 200, n: series.length, series };
  return { status: 200, n: series.length, sha256: sha(JSON.stringify(series)), head: series.slice(0, 10) };
}

function canonicalList(list: readonly string[]): Answer {
  const sorted = [...list].sort();
  return sorted.length > listMax || JSON.stringify(sorted).length > inlineBytesMax
    ? { status: 200, n: sorted.length, sha256: sha(sorted.join('\n')), head: sorted.slice(0, 10) }
    : { status: 200, n: sorted.length, list: sorted };
}

/** Version 1 mixes the scopes. */
export function canonicalTags(result: TagNamesResult, entry: CorpusEntry): Answer {
  if (entry.v === 1) {
    const names = [...new Set(result.scopes.flatMap(({ tags }) => tags))];
    return entry.check === 'count' ? { status: 200, n: names.length } : canonicalList(names);
  }
  const scopes = result.scopes.map(({ name, tags }) => [
    name,
    entry.check === 'count' ? tags.length : [...tags].sort(),
  ]);
  return { status: 200, scopes: Object.fromEntries(scopes) };
}

export function canonicalValues(result: TagValuesResult, entry: CorpusEntry): Answer {
  if (entry.check === 'count') return { status: 200, n: result.values.length };
  return canonicalList(result.values.map(({ type, value }) => (entry.v === 1 ? value : `${type}:${value}`)));
}
