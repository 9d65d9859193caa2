/** `trace`: one trace as a Gantt chart. */
import type { TraceV2Response } from '../../api/contract/index.ts';
import type { Command, Io } from '../io.ts';
import { readInteger, readOptions, sourceOptions, sourceUsage } from '../options.ts';
import { withSource } from '../source.ts';
import { gantt } from '../trace/gantt.ts';
import { otlpJson, readTrace } from '../trace/read-trace.ts';
import { traceTree } from '../trace/trace-tree.ts';

export const trace: Command = {
  summary: 'one trace as a chart in the terminal',
  usage: `usage: rubato trace [flags] TRACE_ID

  --rows N        spans shown at most (default 200); errors, the critical path and the longest come first
  --all           every span
${sourceUsage}
--json gives the trace as OTLP/JSON.
`,
  run: runTrace,
};

const options = { ...sourceOptions, rows: { type: 'string' }, all: { type: 'boolean' } } as const;

const rowsDefault = 200;
/** When it is not a terminal that says how wide it is. */
const widthDefault = 120;

async function runTrace(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals, isHelp } = readOptions(argv, options, ['TRACE_ID']);
  if (isHelp) {
    io.out(trace.usage);
    return 0;
  }
  const rows = readInteger('rows', values.rows, 1) ?? rowsDefault;
  const id = positionals[0]!;
  const answer = await withSource(values, io, (client) =>
    client.json<TraceV2Response>(`/api/v2/traces/${encodeURIComponent(id)}`),
  );
  const { resourceSpans = [] } = answer.trace;
  if (answer.message !== undefined) io.err(`rubato: ${answer.message}`);
  if (resourceSpans.length === 0) {
    io.err(`rubato: there is no trace ${id}`);
    return 1;
  }
  if (values.json === true) {
    io.out(JSON.stringify(otlpJson(resourceSpans)));
    return 0;
  }
  const tree = traceTree(readTrace(resourceSpans));
  const rowsMax = values.all === true ? Number.POSITIVE_INFINITY : rows;
  io.out(gantt(tree, { width: io.width ?? widthDefault, paint: io.paint, rowsMax }));
  if (tree.nodes.length > rowsMax) io.err(`${rowsMax} of ${tree.nodes.length} spans are shown; --all shows every one`);
  return 0;
}
