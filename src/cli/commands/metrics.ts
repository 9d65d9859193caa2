/** `metrics`: a TraceQL metrics query over time as one line a series, or for one moment as one number a series. */
import type { KeyValueJson, QueryInstantResponse, QueryRangeResponse } from '../../api/contract/index.ts';
import type { Command, Io } from '../io.ts';
import { rangeOptions, rangeUsage, readOptions, readRange, sourceOptions, sourceUsage } from '../options.ts';
import { withSource } from '../source.ts';
import { numberText } from '../text/format.ts';
import { sparkline } from '../text/sparkline.ts';
import { type Cell, table } from '../text/table.ts';
import { valueText } from '../text/value.ts';

export const metrics: Command = {
  summary: 'numbers over time by a TraceQL metrics query',
  usage: `usage: rubato metrics [flags] QUERY

  rubato metrics '{ } | rate() by (resource.service.name)' --since 6h

  --step D        length of an interval (default: by the range)
  --instant       one value over the whole range
${rangeUsage}${sourceUsage}`,
  run: runMetrics,
};

const options = {
  ...sourceOptions,
  ...rangeOptions,
  step: { type: 'string' },
  instant: { type: 'boolean' },
} as const;

const sparkWidthMax = 40;

async function runMetrics(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals, isHelp } = readOptions(argv, options, ['QUERY']);
  if (isHelp) {
    io.out(metrics.usage);
    return 0;
  }
  const range = readRange(values, io.clock.nowMs());
  const instant = values.instant === true;
  const path = instant ? '/api/metrics/query' : '/api/metrics/query_range';
  const parameters = {
    q: positionals[0],
    start: String(range.startUnixNano),
    end: String(range.endUnixNano),
    ...(!instant && { step: values.step }),
  };
  return withSource(values, io, async (client) => {
    if (values.json === true) {
      io.out(await client.text(path, parameters));
      return 0;
    }
    if (instant) {
      const answer = await client.json<QueryInstantResponse>(path, parameters);
      io.out(answer.series.length === 0 ? 'no series' : instantTable(answer, io));
      if (answer.message !== undefined) io.err(answer.message);
      return 0;
    }
    const answer = await client.json<QueryRangeResponse>(path, parameters);
    io.out(answer.series.length === 0 ? 'no series' : rangeTable(answer, io));
    if (answer.message !== undefined) io.err(answer.message);
    return 0;
  });
}

function instantTable({ series }: QueryInstantResponse, io: Io): string {
  const rows = series.map(({ labels, value }): Cell[] => [labelsText(labels), numberText(Number(value ?? 0))]);
  return table(
    [
      { title: 'SERIES', flexible: true },
      { title: 'VALUE', align: 'right' },
    ],
    rows,
    io,
  );
}

function rangeTable({ series }: QueryRangeResponse, io: Io): string {
  const times = [...new Set(series.flatMap(({ samples }) => samples.map(({ timestampMs }) => Number(timestampMs))))];
  times.sort((a, b) => a - b);
  const rows = series.map(({ labels, samples }): Cell[] => {
    const byTime = new Map(samples.map(({ timestampMs, value }) => [Number(timestampMs), Number(value ?? 0)]));
    const known = [...byTime.values()];
    const sum = known.reduce((a, b) => a + b, 0);
    return [
      labelsText(labels),
      sparkline(
        times.map((time) => byTime.get(time)),
        sparkWidthMax,
      ),
      numberText(Math.min(...known)),
      numberText(sum / known.length),
      numberText(Math.max(...known)),
      numberText(known.at(-1) ?? 0),
    ];
  });
  return table(
    [
      { title: 'SERIES', flexible: true },
      { title: 'OVER TIME' },
      { title: 'MIN', align: 'right' },
      { title: 'MEAN', align: 'right' },
      { title: 'MAX', align: 'right' },
      { title: 'LAST', align: 'right' },
    ],
    rows,
    io,
  );
}

function labelsText(labels: readonly KeyValueJson[] = []): string {
  return `{${labels.map(({ key, value }) => `${key}=${valueText(value)}`).join(', ')}}`;
}
