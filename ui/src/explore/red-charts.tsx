/** The three charts and the table that is their key. */
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import type { AnyValueJson } from '../../../src/api/contract/index.ts';
import type { TimeRange } from '../base/range.ts';
import { theme } from '../design/theme.ts';
import { formatPercent, formatRate } from '../format/count.ts';
import { formatDuration } from '../format/duration.ts';
import { hueColour, huesOf } from './colours.ts';
import type { GroupRow } from './group-table.tsx';
import { quantiles, type Red } from './red.ts';
import { RedChart } from './red-chart.tsx';
import type { Region } from './region.ts';

/** More lines than hues cannot be told apart. */
const linesMax = 8;

interface RedChartsProps {
  readonly red: Red;
  readonly range: TimeRange;
  readonly mark: (region: Region) => void;
  readonly searchIn: (
    fromMs: number,
    toMs: number,
    value: AnyValueJson | undefined,
    conditions: readonly string[],
  ) => void;
  readonly children: (rows: readonly GroupRow[]) => ComponentChildren;
}

export function RedCharts({ red, range, mark, searchIn, children }: RedChartsProps) {
  const { times, stepMs, groups } = red;
  const colours = theme.value;
  const drawn = useMemo(() => groups.slice(0, linesMax), [groups]);
  const hues = useMemo(() => huesOf(drawn.map(({ name }) => name)), [drawn]);
  const lines = useMemo(() => {
    const line = (name: string, hue: number, values: readonly (number | null)[]) => ({
      name,
      values,
      colour: hueColour(hue),
    });
    const of = (values: (group: (typeof drawn)[number]) => readonly (number | null)[]) =>
      drawn.map((group) => line(group.name, hues.get(group.name)!, values(group)));
    const alone = drawn.length === 1 ? drawn[0] : undefined;
    const durations =
      alone === undefined
        ? of((group) => group.durations[0.95])
        : quantiles.map((p, index) =>
            line(`p${p * 100}`, (hues.get(alone.name)! + index * 3) % 12, alone.durations[p]),
          );
    return { rates: of(({ rates }) => rates), errors: of(({ errorRates }) => errorRates), durations };
  }, [drawn, hues, colours]);
  const rate = sum(groups.map((group) => group.rate));
  const errors = sum(groups.map((group) => group.errorRate));
  const rows = groups.map((group) => ({
    group,
    hue: hues.get(group.name),
    p95: group.durations[0.95].findLast((value) => value !== null) ?? undefined,
  }));
  /** An interval ends at its time. */
  const open = (line: number, interval: number, ...conditions: string[]): void => {
    const endMs = times[interval]! * 1000;
    searchIn(endMs - stepMs, endMs, drawn[Math.min(line, drawn.length - 1)]!.value, conditions);
  };
  const shared = { times, range };
  const left = groups.length - drawn.length;
  return (
    <div class="red">
      <div class="red-charts">
        <RedChart
          {...shared}
          title="Rate"
          figure={formatRate(rate)}
          lines={lines.rates}
          format={formatRate}
          onPoint={open}
          onSelect={(fromMs, toMs) => mark({ fromMs, toMs })}
        />
        <RedChart
          {...shared}
          title="Errors"
          figure={formatPercent(errors / rate)}
          lines={lines.errors}
          format={formatRate}
          onPoint={(line, interval) => open(line, interval, 'status = error')}
          onSelect={(fromMs, toMs) => mark({ fromMs, toMs, errors: true })}
        />
        <RedChart
          {...shared}
          title="Duration"
          figure={drawn.length === 1 ? 'p50 p95 p99' : 'p95'}
          lines={lines.durations}
          format={formatDuration}
          onPoint={(line, interval) => {
            const value = lines.durations[line]?.values[interval];
            // A quantile is the upper bound of a band as wide as its lower bound: the band's spans begin at half of it.
            open(line, interval, ...(typeof value === 'number' ? [`duration >= ${Math.floor(value / 2)}ns`] : []));
          }}
          onSelect={(fromMs, toMs) => mark({ fromMs, toMs })}
        />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so keys must reach it */}
      <section class="red-groups" tabIndex={0} aria-label="Groups">
        {children(rows)}
        {left > 0 && <p class="faint">The {linesMax} busiest have a line.</p>}
      </section>
    </div>
  );
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
