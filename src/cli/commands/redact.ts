/** `redact`: takes traces out of everything that a server stores. */
import type { RedactionCounts } from '../../api/ports.ts';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { authorizationOf } from '../credentials.ts';
import type { Command, Io } from '../io.ts';
import { readOptions, usageError } from '../options.ts';
import { QueryClient } from '../query-client.ts';
import { urlDefault } from '../source.ts';
import { plural } from '../text/format.ts';

export const redact: Command = {
  summary: 'remove traces for good',
  usage: `usage: rubato redact --yes [flags] TRACE_ID …

  --url URL       the server's API (default ${urlDefault})
  --tenant ID     with multitenancy: whose traces
  --yes           they are really to be removed; this cannot be undone
  --json          JSON for programs instead of text for people

The server must allow it (backend_scheduler.redaction_api) and have the backend role. When this is done no query finds the traces; their bytes are
deleted with the files of the blocks that held them, compacted_block_retention later.
`,
  run: runRedact,
};

const options = {
  url: { type: 'string' },
  tenant: { type: 'string' },
  yes: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** As many as the server takes at a time. */
const idNames = ['TRACE_ID', ...Array<string>(999).fill('TRACE_ID?')];

async function runRedact(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals, isHelp } = readOptions(argv, options, idNames);
  if (isHelp) {
    io.out(redact.usage);
    return 0;
  }
  if (values.yes !== true) throw usageError('what is removed cannot be brought back: say --yes');
  const client = new QueryClient({
    baseUrl: values.url ?? urlDefault,
    tenant: values.tenant,
    authorization: authorizationOf(process.env),
  });
  try {
    const result = await client.post<RedactionCounts>('/api/redact', { traceIds: positionals });
    io.out(values.json === true ? JSON.stringify(result) : describe(result, positionals.length));
  } catch (error) {
    if (!(error instanceof RubatoError) || error.kind !== ErrorKind.notFound) throw error;
    const message = 'the server does not allow it: set backend_scheduler.redaction_api in its configuration';
    throw new RubatoError(ErrorKind.invalid, 'not_allowed', message, error);
  } finally {
    client.close();
  }
  return 0;
}

function describe(
  { traces, spansRemoved, blocksSearched, blocksRewritten, blocksRemoved }: RedactionCounts,
  asked: number,
): string {
  const found = traces === asked ? plural(traces, 'trace') : `${traces} of ${plural(asked, 'trace')}`;
  return (
    `removed ${found} with ${plural(spansRemoved, 'span')}: ${plural(blocksSearched, 'block')} searched, ` +
    `${blocksRewritten} rewritten, ${blocksRemoved} removed`
  );
}
