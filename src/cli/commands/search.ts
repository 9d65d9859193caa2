/** `search`: traces that a TraceQL query finds. */
import type { SearchResponse, TraceSummaryJson } from '../../api/contract/index.ts';
import type { Command, Io } from '../io.ts';
import {
  rangeOptions,
  rangeUsage,
  readInteger,
  readOptions,
  readRange,
  secondsOf,
  sourceOptions,
  sourceUsage,
} from '../options.ts';
import { withSource } from '../source.ts';
import { countText, durationText, plural, timeText } from '../text/format.ts';
import { type Cell, table } from '../text/table.ts';

export const search: Command = {
  summary: 'find traces by TraceQL',
  usage: `usage: rubato search [flags] [QUERY]

  rubato search '{ status = error && resource.service.name = "orders" }' --since 2h

  --limit N       traces at most (default 20), the newest
  --sort KEY      start (newest first, the default) or duration (longest first)
${rangeUsage}${sourceUsage}`,
  run: runSearch,
};

const options = {
  ...sourceOptions,
  ...rangeOptions,
  limit: { type: 'string' },
  sort: { type: 'string' },
} as const;

const limitDefault = 20;

async function runSearch(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals, isHelp } = readOptions(argv, options, ['QUERY?']);
  if (isHelp) {
    io.out(search.usage);
    return 0;
  }
  const limit = readInteger('limit', values.limit, 1) ?? limitDefault;
  const range = secondsOf(readRange(values, io.clock.nowMs()));
  const parameters = { q: positionals[0] || '{}', limit, sort: values.sort, ...range };
  return withSource(values, io, async (client) => {
    if (values.json === true) {
      io.out(await client.text('/api/search', parameters));
      return 0;
    }
    const { traces } = await client.json<SearchResponse>('/api/search', parameters);
    if (traces.length === 0) io.out('no traces');
    else io.out(tracesTable(traces, io));
    if (traces.length === limit) io.err(`the first ${plural(limit, 'trace')}; --limit N for more`);
    return 0;
  });
}

function tracesTable(traces: readonly TraceSummaryJson[], io: Io): string {
  const rows = traces.map((trace): Cell[] => {
    const stats = Object.values(trace.serviceStats ?? {});
    const spans = stats.reduce((sum, { spanCount = 0 }) => sum + spanCount, 0);
    const errors = stats.reduce((sum, { errorCount = 0 }) => sum + errorCount, 0);
    const matched = (trace.spanSets ?? []).reduce((sum, set) => sum + (set.matched ?? 0), 0);
    return [
      trace.traceID.padStart(32, '0'),
      timeText(BigInt(trace.startTimeUnixNano ?? 0)),
      trace.durationMs === undefined ? '<1ms' : durationText(trace.durationMs * 1e6),
      { text: trace.rootServiceName, paint: (text) => io.paint.named(trace.rootServiceName, text) },
      trace.rootTraceName ?? '',
      countText(spans),
      errors === 0 ? '' : { text: countText(errors), paint: io.paint.red },
      countText(matched),
    ];
  });
  return table(
    [
      { title: 'TRACE' },
      { title: 'START (UTC)' },
      { title: 'DURATION', align: 'right' },
      { title: 'SERVICE', flexible: true },
      { title: 'NAME', flexible: true },
      { title: 'SPANS', align: 'right' },
      { title: 'ERRORS', align: 'right' },
      { title: 'MATCHED', align: 'right' },
    ],
    rows,
    io,
  );
}
