/**
 * Prometheus text as OpenMetrics, with exemplars: counters lose `_total` where they are declared, there are no blank
 * lines, and it ends with EOF. https://prometheus.io/docs/specs/om/open_metrics_spec/
 */

export interface TextExemplar {
  readonly traceId: string;
  readonly value: number;
  readonly timeMs: number;
}

export const openMetricsType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** @param exemplarOf of a series, as it stands in the text: name and labels */
export function toOpenMetrics(text: string, exemplarOf: (series: string) => TextExemplar | undefined): string {
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, keyword, name, rest] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? [];
    if (keyword !== undefined) lines.push(declaration(keyword, name!, rest!, text));
    else if (!line.startsWith('#')) lines.push(line + exemplarText(exemplarOf(line.slice(0, line.lastIndexOf(' ')))));
  }
  return `${lines.join('\n')}\n# EOF\n`;
}

function declaration(keyword: string, name: string, rest: string, text: string): string {
  if (!name.endsWith('_total')) {
    // A counter must be called so; another one has no type that could be told.
    return `# ${keyword} ${name} ${keyword === 'TYPE' && rest === 'counter' ? 'unknown' : rest}`;
  }
  const isCounter = text.includes(`# TYPE ${name} counter`);
  return `# ${keyword} ${isCounter ? name.slice(0, -'_total'.length) : name} ${rest}`;
}

function exemplarText(exemplar: TextExemplar | undefined): string {
  if (exemplar === undefined) return '';
  return ` # {trace_id="${exemplar.traceId}"} ${exemplar.value} ${exemplar.timeMs / 1000}`;
}
