/** `query`: search or metrics, by what the text is. */
import { parseQuery } from '../../traceql/parser.ts';
import type { Command } from '../io.ts';
import { metrics } from './metrics.ts';
import { search } from './search.ts';

export const query: Command = {
  summary: 'search or metrics, by what the query is',
  usage: `usage: rubato query [flags] QUERY

A query with a metrics stage, such as { } | rate(), is asked as \`rubato metrics\`, any other as \`rubato search\`; the flags
are those of that command.
`,
  async run(argv, io) {
    if (argv.some((word) => word === '--help' || word === '-h')) {
      io.out(query.usage);
      return 0;
    }
    return (argv.some(isMetricsQuery) ? metrics : search).run(argv, io);
  },
};

function isMetricsQuery(text: string): boolean {
  if (!text.includes('|')) return false;
  try {
    return parseQuery(text).metrics !== undefined;
  } catch {
    // Whoever answers the search says what is wrong with it.
    return false;
  }
}
