/** The line between timeline and results: how much was found, what it cost, and how far the search is. */
import type { ComponentChildren } from 'preact';
import { formatBytes, formatCount, formatShortCount } from '../format/count.ts';
import { formatDuration } from '../format/duration.ts';
import type { SearchState } from './search-state.ts';
import type { Sort } from './sorts.ts';
import type { Bar } from './timeline-scale.ts';
import type { Found } from './use-search.ts';

export interface SummaryProps {
  readonly state: SearchState;
  readonly rows: number;
  /** There may be more traces than rows. */
  readonly isFull: boolean;
  readonly bars: readonly Bar[];
  /** Why there are no bars. */
  readonly barsError: unknown;
  readonly found: Found | undefined;
  readonly loading: boolean;
  readonly failed: boolean;
  readonly children: ComponentChildren;
}

const firstBy: Readonly<Record<Sort, string>> = {
  start: 'newest',
  duration: 'longest',
  spans: 'largest',
  errors: 'with most errors',
};

export function Summary({ state, rows, isFull, bars, barsError, found, loading, failed, children }: SummaryProps) {
  const traces = rows === 1 ? 'trace' : 'traces';
  const count = isFull
    ? state.sort === 'errors'
      ? `The ${formatCount(rows)} ${traces} ${firstBy.errors}`
      : `The ${formatCount(rows)} ${firstBy[state.sort]} ${traces}`
    : `${formatCount(rows)} ${traces}`;
  let spans = 0;
  let errors = 0;
  for (const bar of bars) {
    spans += bar.ok + bar.errors;
    errors += bar.errors;
  }
  return (
    <div class="search-summary">
      <Progress found={found} loading={loading} />
      <p role="status">
        {loading && rows === 0 ? 'Searching …' : !failed && count}
        {spans > 0 && (
          <span class="soft">
            {' '}
            · {formatShortCount(spans)} matching {spans === 1 ? 'span' : 'spans'}
            {errors > 0 && (
              <>
                , <span class="error-text">{formatShortCount(errors)} failed</span>
              </>
            )}
          </span>
        )}
      </p>
      {barsError !== undefined && !failed && (
        <p class="faint ellipsis" title={messageOf(barsError)}>
          matching spans not counted: {messageOf(barsError)}
        </p>
      )}
      {found !== undefined && !loading && !failed && <p class="faint search-cost">{costOf(found)}</p>}
      {children}
    </div>
  );
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** `6,977 spans, 2 blocks, 2.1 MB looked at in 31 ms` */
function costOf({ metrics, tookMs }: Found): string {
  const blocks = metrics.totalBlocks ?? 0;
  const bytes = Number(metrics.inspectedBytes ?? 0);
  const parts = [
    `${formatShortCount(Number(metrics.inspectedSpans ?? 0))} spans`,
    ...(blocks > 0 ? [`${formatShortCount(blocks)} ${blocks === 1 ? 'block' : 'blocks'}`] : []),
    ...(bytes > 0 ? [formatBytes(bytes)] : []),
  ];
  return `looked at ${parts.join(', ')} in ${formatDuration(tookMs * 1e6)}`;
}

function Progress({ found, loading }: { readonly found: Found | undefined; readonly loading: boolean }) {
  if (!loading) return null;
  const { completedJobs = 0, totalJobs = 0 } = found?.metrics ?? {};
  // Something is shown from the start.
  const part = totalJobs === 0 ? 0.05 : Math.max(0.05, completedJobs / totalJobs);
  return <span class="search-progress" style={{ width: `${part * 100}%` }} />;
}
