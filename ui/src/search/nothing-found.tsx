/** No traces: why, as far as the server can tell, and the nearest changes that would find some. */
import type { ComponentChildren } from 'preact';
import { queryInstant, search } from '../api/client.ts';
import { href, setParams } from '../app/router.ts';
import { tenant } from '../app/tenant.ts';
import { setTimeRange } from '../app/time-range.ts';
import type { TimeRange } from '../base/range.ts';
import { useRequest } from '../base/use-request.ts';
import { Button } from '../components/button.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { formatShortCount } from '../format/count.ts';
import { formatAgo } from '../format/time.ts';
import { chipsOf, conditionText, textOf } from './chips.ts';
import { rowsOf } from './rows.ts';

export interface NothingFoundProps {
  readonly q: string;
  readonly range: TimeRange;
}

/** Without `condition` the query `q` finds `spans`. */
interface Change {
  readonly condition: string;
  readonly q: string;
  readonly spans: number;
}

interface Reasons {
  /** Start of the newest trace that matches, and of the newest of all, in the last week. */
  readonly newestMatchMs: number | undefined;
  readonly newestMs: number | undefined;
  readonly changes: readonly Change[];
}

const weekMs = 7 * 86_400_000;
const changesMax = 6;
const aroundMs = 900_000;

export function NothingFound({ q, range }: NothingFoundProps) {
  const { data } = useRequest<Reasons>(
    async (ended) => {
      const [newestMatchMs, newestMs, changes] = await Promise.all([
        newestStart(q, ended),
        newestStart('{ }', ended),
        changesOf(q, range, ended),
      ]);
      return { newestMatchMs, newestMs, changes };
    },
    [q, range.fromMs, range.toMs, tenant.value],
  );
  if (data === undefined) return <EmptyState title="No traces" />;
  const { newestMatchMs, newestMs, changes } = data;
  if (newestMs === undefined) {
    return (
      <EmptyState title="No traces">
        <p>Nothing has been received in the last seven days{inTenant()}.</p>
        <a href={href('/setup')}>How to send traces</a>
      </EmptyState>
    );
  }
  const nowMs = Date.now();
  const isOutside = newestMatchMs !== undefined && (newestMatchMs < range.fromMs || newestMatchMs >= range.toMs);
  return (
    <EmptyState title="No traces">
      <p>
        Nothing in this time range matches{inTenant()}. The newest trace of all began {formatAgo(newestMs, nowMs)}
        {isOutside && `, the newest that matches ${formatAgo(newestMatchMs, nowMs)}`}.
      </p>
      {isOutside && (
        <Choices>
          <Button onClick={() => setTimeRange({ fromMs: newestMatchMs - aroundMs, toMs: newestMatchMs + aroundMs })}>
            Go to the newest that matches
          </Button>
        </Choices>
      )}
      {newestMatchMs === undefined && changes.length === 0 && <p>No trace of the last seven days matches.</p>}
      {changes.length > 0 && (
        <Choices>
          {changes.map((change) => (
            <Button key={change.condition} onClick={() => setParams({ q: change.q })}>
              without <code class="ellipsis">{change.condition}</code>
              <span class="faint">
                {formatShortCount(change.spans)} {change.spans === 1 ? 'span' : 'spans'}
              </span>
            </Button>
          ))}
        </Choices>
      )}
    </EmptyState>
  );
}

const Choices = ({ children }: { readonly children: ComponentChildren }) => (
  <div class="nothing-changes">{children}</div>
);

const inTenant = (): string => (tenant.value === '' ? '' : ` for the tenant ${tenant.value}`);

async function newestStart(q: string, signal: AbortSignal): Promise<number | undefined> {
  const toMs = Date.now();
  const answer = await search({ q, range: { fromMs: toMs - weekMs, toMs }, limit: 1, spss: 1 }, signal);
  return rowsOf(answer)[0]?.startMs;
}

/** Conditions that alone keep spans from matching, those first without which most match. */
async function changesOf(q: string, range: TimeRange, signal: AbortSignal): Promise<readonly Change[]> {
  const chips = chipsOf(q);
  if (chips === undefined || chips.rest !== '') return [];
  const { conditions } = chips;
  const changes = await Promise.all(
    conditions.slice(0, changesMax).map(async (condition, index) => {
      const without = textOf({ conditions: conditions.toSpliced(index, 1), rest: '' });
      const { series } = await queryInstant({ q: `${without} | count_over_time()`, range }, signal);
      return { condition: conditionText(condition), q: without, spans: Number(series[0]?.value ?? 0) };
    }),
  );
  return changes.filter(({ spans }) => spans > 0).sort((a, b) => b.spans - a.spans);
}
