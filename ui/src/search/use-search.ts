/** The traces that a query finds, while they are found, and the spans that match over time. */
import { useState } from 'preact/hooks';
import type { QueryMetricsJson, QueryRangeResponse } from '../../../src/api/contract/index.ts';
import type { Query } from '../../../src/traceql/ast.ts';
import { queryRange, searchStream } from '../api/client.ts';
import { tenant } from '../app/tenant.ts';
import type { TimeRange } from '../base/range.ts';
import { useRequest } from '../base/use-request.ts';
import { histogramText, searchText } from './query-model.ts';
import { type Row, rowsOf } from './rows.ts';
import type { SearchState } from './search-state.ts';
import { type Bar, barsOf, metricsPieces, stepSeconds } from './timeline-scale.ts';

export interface Found {
  readonly rows: readonly Row[];
  readonly metrics: QueryMetricsJson;
  /** Since the search began. */
  readonly tookMs: number;
}

export interface Search {
  /** Undefined before the first answer. */
  readonly found: Found | undefined;
  readonly error: unknown;
  readonly loading: boolean;
}

export type SearchInput = Pick<SearchState, 'q' | 'sort' | 'columns' | 'limit'>;

/** `query` is what `q` says; undefined when it cannot be asked. `tries`: another one asks again. */
export function useSearch(
  query: Query | undefined,
  { q, sort, columns, limit }: SearchInput,
  range: TimeRange,
  tries: number,
): Search {
  const [part, setPart] = useState<Found | undefined>(undefined);
  const { data, error, loading } = useRequest<Found | undefined>(
    async (ended) => {
      if (query === undefined) return undefined;
      setPart(undefined);
      const fromMs = performance.now();
      const foundIn = (answer: Parameters<typeof rowsOf>[0]): Found => ({
        rows: rowsOf(answer),
        metrics: answer.metrics,
        tookMs: performance.now() - fromMs,
      });
      const asked = { q: searchText(query, columns), range, limit, spss: 1, sort };
      return foundIn(await searchStream(asked, (answer) => setPart(foundIn(answer)), ended));
    },
    [q, sort, columns.join('\n'), limit, range.fromMs, range.toMs, tenant.value, tries],
  );
  // The last whole answer stays in sight until there is something of the next.
  return { found: loading ? (part ?? data) : data, error, loading };
}

export interface Histogram {
  readonly bars: readonly Bar[];
  /** Of a bar. */
  readonly stepMs: number;
  /** Why there are no bars. */
  readonly error: unknown;
}

const noBars: readonly Bar[] = [];

export function useHistogram(query: Query | undefined, q: string, range: TimeRange, tries: number): Histogram {
  const step = stepSeconds(range);
  const [part, setPart] = useState<readonly Bar[] | undefined>(undefined);
  const { data, error, loading } = useRequest(
    async (ended) => {
      setPart(undefined);
      if (query === undefined) return noBars;
      const text = histogramText(query);
      if (text === undefined) throw new Error('there are no metrics of such a query');
      const answers: QueryRangeResponse[] = [];
      for (const piece of metricsPieces(range, step)) {
        answers.push(await queryRange({ q: text, range: piece, step: `${step}s`, exemplars: 1 }, ended));
        setPart(barsOf(answers, step));
      }
      return barsOf(answers, step);
    },
    [q, range.fromMs, range.toMs, tenant.value, tries],
  );
  const bars = loading ? (part ?? data) : data;
  return { bars: error === undefined && bars !== undefined ? bars : noBars, stepMs: step * 1000, error };
}
