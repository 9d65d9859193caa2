/** Metrics queries answered the obvious way: span by span, over plain objects. Slow, and easy to believe. */
import type { PlainSpan } from '../../src/block/testing/plain-spans.ts';

export type OracleFunction =
  | 'rate'
  | 'count_over_time'
  | 'min_over_time'
  | 'max_over_time'
  | 'sum_over_time'
  | 'avg_over_time'
  | 'quantile_over_time'
  | 'histogram_over_time';

export interface OracleQuery {
  readonly name: OracleFunction;
  /** Names as in queries: `span.load`, `resource.service.name`, `name`, `kind`, `duration`. */
  readonly measured?: string;
  readonly by: readonly string[];
  readonly quantiles: readonly number[];
  /** Only spans of this OTLP kind. */
  readonly kind?: number;
}

export interface OracleRange {
  readonly startUnixNano: bigint;
  readonly endUnixNano: bigint;
  /** 0 for an instant query. */
  readonly stepNano: bigint;
}

type OracleValue = { readonly type: string; readonly value: string | number | bigint | boolean };

const kinds = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];
const statuses = ['unset', 'ok', 'error'];

function decode(type: string, hex: string): OracleValue | undefined {
  const bytes = Buffer.from(hex, 'hex');
  switch (type) {
    case 'string':
      return { type, value: bytes.toString('utf8') };
    case 'int':
      return { type, value: bytes.readBigInt64LE() };
    case 'double':
      return { type: 'float', value: bytes.readDoubleLE() };
    case 'bool':
      return { type, value: bytes[0] !== 0 };
    default:
      return undefined;
  }
}

function attributeOf(span: PlainSpan, name: string): OracleValue | undefined {
  if (name === 'name') return { type: 'string', value: span.name };
  if (name === 'kind') return { type: 'string', value: kinds[span.kind]! };
  if (name === 'status') return { type: 'string', value: statuses[span.status]! };
  const scope = name.slice(0, name.indexOf('.'));
  const key = name.slice(scope.length + 1);
  const attrs = scope === 'resource' ? span.resource : span.attrs;
  for (const type of ['string', 'int', 'double', 'bool']) {
    const hex = attrs[`${scope}/${type}/${key}`];
    if (hex !== undefined) return decode(type, hex);
  }
  return undefined;
}

/** NaN: not a number. */
function measure(span: PlainSpan, name: string): number {
  if (name === 'duration') return Math.max(0, Number(span.end - span.start));
  const value = attributeOf(span, name);
  return value?.type === 'int' || value?.type === 'float' ? Number(value.value) : Number.NaN;
}

const labelText = (key: string, { type, value }: OracleValue): string => `${key}=${type}:${value}`;

/** Series by label text; NaN where there is no sample. */
export function oracleMetrics(spans: readonly PlainSpan[], query: OracleQuery, range: OracleRange) {
  const { startUnixNano: start, endUnixNano: end, stepNano: step } = range;
  const instant = step === 0n;
  const intervals = instant ? 1 : Number((end - start) / step);
  const seconds = Number(instant ? end - start : step) / 1e9;
  const bucketed = query.name === 'quantile_over_time' || query.name === 'histogram_over_time';
  const groups = new Map<string, number[][]>();
  for (const span of spans) {
    if (query.kind !== undefined && span.kind !== query.kind) continue;
    if (span.start < start || span.start > end || (!instant && span.start === start)) continue;
    const value = query.measured === undefined ? 1 : measure(span, query.measured);
    if (Number.isNaN(value)) continue;
    if (bucketed && value < (query.measured === 'span.load' ? Number.MIN_VALUE : 2)) continue;
    const labels = query.by
      .map((key) => [key, attributeOf(span, key)] as const)
      .filter(([, label]) => label !== undefined)
      .map(([key, label]) => labelText(key, label!));
    if (labels.length === 0 && query.by.length > 0 && !bucketed) labels.push(`${query.by[0]}=string:nil`);
    const key = labels.join(' ');
    let cells = groups.get(key);
    if (cells === undefined) groups.set(key, (cells = Array.from({ length: intervals }, () => [])));
    // The first interval whose right edge is not before the span.
    let interval = 0;
    while (!instant && start + BigInt(interval + 1) * step < span.start) interval++;
    cells[interval]!.push(value);
  }

  const unit = query.measured === 'duration' ? 1e9 : 1;
  const series = new Map<string, number[]>();
  const add = (labels: string, values: number[]): void => {
    if (values.some((value) => !Number.isNaN(value))) series.set(labels, values);
  };
  if (groups.size === 0 && query.by.length === 0 && query.measured === undefined)
    groups.set(
      '',
      Array.from({ length: intervals }, () => []),
    );
  for (const [labels, cells] of groups) {
    const named = query.by.length === 0 ? `__name__=string:${query.name}` : labels;
    switch (query.name) {
      case 'rate':
        add(
          named,
          cells.map((values) => values.length / seconds),
        );
        break;
      case 'count_over_time':
        add(
          named,
          cells.map((values) => values.length),
        );
        break;
      case 'min_over_time':
        add(
          named,
          cells.map((values) => (values.length === 0 ? Number.NaN : Math.min(...values) / unit)),
        );
        break;
      case 'max_over_time':
        add(
          named,
          cells.map((values) => (values.length === 0 ? Number.NaN : Math.max(...values) / unit)),
        );
        break;
      case 'sum_over_time':
        add(
          named,
          cells.map((values) => (values.length === 0 ? Number.NaN : sum(values) / unit)),
        );
        break;
      case 'avg_over_time':
        add(
          named,
          cells.map((values) => (values.length === 0 ? Number.NaN : sum(values) / values.length / unit)),
        );
        break;
      case 'quantile_over_time':
        for (const p of query.quantiles) {
          add(
            join(labels, `p=float:${p}`),
            cells.map((values) => quantile(p, values) / unit),
          );
        }
        break;
      case 'histogram_over_time': {
        const bounds = new Set(cells.flat().map(upperBound));
        for (const bound of bounds) {
          const counts = cells.map((values) => values.filter((value) => upperBound(value) === bound).length);
          add(join(labels, `__bucket=float:${bound / unit}`), counts);
        }
      }
    }
  }
  return series;
}

const join = (labels: string, last: string): string => (labels === '' ? last : `${labels} ${last}`);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** The least power of two that is not below the value. */
function upperBound(value: number): number {
  if (value === Number.POSITIVE_INFINITY) return value;
  let bound = 1;
  while (bound < value) bound *= 2;
  while (bound / 2 >= value) bound /= 2;
  return bound;
}

function quantile(p: number, values: readonly number[]): number {
  if (values.length === 0) return 0;
  const bounds = values.map(upperBound).sort((a, b) => a - b);
  const need = Math.max(1, Math.ceil(p * bounds.length));
  const bound = bounds[need - 1]!;
  const below = bounds.filter((other) => other < bound).length;
  const inside = bounds.filter((other) => other === bound).length;
  return need === below + inside ? bound : 2 ** (Math.log2(bound / 2) + (need - below) / inside);
}
