/** The tools, under the names and arguments of Tempo's MCP server: each asks one route. */
import { z } from 'zod';
import { invalid } from '../../base/errors.ts';
import { parseQuery } from '../../traceql/parser.ts';
import type { ApiPorts } from '../ports.ts';
import type { Ask } from './ask.ts';
import { docNames, readDoc } from './documents.ts';

export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: Readonly<Record<string, z.ZodType>>;
  /** `input` has been checked. Resolves with text for the model. */
  run(input: Readonly<Record<string, string | undefined>>, context: ToolContext): Promise<string> | string;
}

export interface ToolContext {
  readonly ask: Ask;
  readonly ports: ApiPorts;
}

const time = (which: string) => z.iso.datetime({ offset: true }).optional().describe(`${which}, RFC 3339`);
const range = {
  start: time('Begin of the time range (default: one hour before its end)'),
  end: time('End of the time range (default: now)'),
};
const traceql = z.string().min(1).describe('A TraceQL query; docs-traceql explains the language');
const scopes = ['resource', 'span', 'event', 'link', 'instrumentation', 'trace', 'intrinsic'] as const;

export const tools: readonly Tool[] = [
  {
    name: 'traceql-search',
    title: 'Search traces',
    description:
      'Finds traces by a TraceQL query without a metrics stage, the newest first. The answer has the id, root, start and ' +
      'duration of each, and some of the spans that matched.',
    input: { query: traceql, ...range },
    run: ({ query, ...given }, { ask, ports }) => {
      if (isMetrics(query!))
        throw invalid('is_metrics', 'this is a metrics query: use traceql-metrics-range or traceql-metrics-instant');
      return ask({ path: '/api/search', parameters: { q: query, ...wholeSeconds(rangeOf(given, ports)) } });
    },
  },
  {
    name: 'traceql-metrics-instant',
    title: 'Metrics over a time range as one number',
    description: 'Computes one number a series over the whole time range, by a TraceQL query with a metrics stage.',
    input: { query: traceql, ...range },
    run: ({ query, ...given }, { ask, ports }) =>
      ask({
        path: '/api/metrics/query',
        parameters: { q: metricsQuery(query!), ...nanoseconds(rangeOf(given, ports)) },
      }),
  },
  {
    name: 'traceql-metrics-range',
    title: 'Metrics over time',
    description: 'Computes series over time by a TraceQL query with a metrics stage.',
    input: { query: traceql, ...range },
    run: ({ query, ...given }, { ask, ports }) => {
      const parameters = { q: metricsQuery(query!), ...nanoseconds(rangeOf(given, ports)) };
      return ask({ path: '/api/metrics/query_range', parameters });
    },
  },
  {
    name: 'get-trace',
    title: 'Read a trace',
    description: 'All spans of one trace, by its id. Long for large traces.',
    input: { trace_id: z.string().min(1).describe('The id in hex, as searches return it') },
    run: ({ trace_id }, { ask }) => ask({ path: '/api/v2/traces/{traceID}', pathPart: trace_id!, accept: 'llm' }),
  },
  {
    name: 'get-attribute-names',
    title: 'Names of attributes',
    description: 'Which attributes and intrinsics there are to ask for, by scope.',
    input: { scope: z.enum(scopes).optional().describe('Only of this scope') },
    run: ({ scope }, { ask }) => ask({ path: '/api/v2/search/tags', parameters: { scope } }),
  },
  {
    name: 'get-attribute-values',
    title: 'Values of an attribute',
    description: 'Which values an attribute has.',
    input: {
      name: z.string().min(1).describe('With its scope: resource.service.name, span.http.route, status'),
      'filter-query': z.string().optional().describe('Only of spans that match this TraceQL filter'),
    },
    run: ({ name, 'filter-query': q }, { ask }) =>
      ask({ path: '/api/v2/search/tag/{tagName:.*}/values', pathPart: name!, parameters: { q } }),
  },
  {
    name: 'docs-traceql',
    title: 'TraceQL explained',
    description: 'How to write TraceQL: filters, aggregates, structure, metrics, and how to go about a question.',
    input: { name: z.enum(docNames('traceql')) },
    run: ({ name }, { ports }) => readDoc('traceql', name!, ports),
  },
  {
    name: 'docs-config',
    title: 'Configuration explained',
    description: 'How this server is configured: an overview, or every key with its default.',
    input: { name: z.enum(docNames('config')) },
    run: ({ name }, { ports }) => readDoc('config', name!, ports),
  },
];

function isMetrics(query: string): boolean {
  try {
    return parseQuery(query).metrics !== undefined;
  } catch {
    // The route says what is wrong with it.
    return false;
  }
}

function metricsQuery(query: string): string {
  if (query.includes('|') && isMetrics(query)) return query;
  // A query that is no TraceQL at all gets the parser's words.
  parseQuery(query);
  throw invalid('not_metrics', 'this query has no metrics stage such as | rate(): use traceql-search');
}

const sinceMs = 3_600_000;

interface Range {
  readonly startMs: number;
  readonly endMs: number;
}

/** Milliseconds are as fine as a model asks. */
function rangeOf(
  given: { readonly start?: string | undefined; readonly end?: string | undefined },
  ports: ApiPorts,
): Range {
  const endMs = given.end === undefined ? ports.clock.nowMs() : Date.parse(given.end);
  const startMs = given.start === undefined ? endMs - sinceMs : Date.parse(given.start);
  if (startMs >= endMs) throw invalid('bad_range', 'start must be before end');
  return { startMs, endMs };
}

const wholeSeconds = ({ startMs, endMs }: Range) => ({
  start: String(Math.floor(startMs / 1000)),
  end: String(Math.ceil(endMs / 1000)),
});

const nanoseconds = ({ startMs, endMs }: Range) => ({ start: `${startMs}000000`, end: `${endMs}000000` });
