/** `config check`: a configuration file against what this version knows. */
import { readFileSync } from 'node:fs';
import { expandEnv, loadConfig } from '../../app/config/load.ts';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import type { Command, Io } from '../io.ts';
import { readOptions, usageError } from '../options.ts';

export const config: Command = {
  summary: 'check a configuration file',
  usage: `usage: rubato config check [flags] FILE

  --expand-env    replace \${NAME} and \${NAME:-default} from the environment first
  --json          JSON for programs instead of text for people

Prints what is wrong with the line it stands on, and the keys that do nothing here. Exit code 1 when the file cannot be used.
`,
  run: runConfig,
};

const options = {
  'expand-env': { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

async function runConfig(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals, isHelp } = readOptions(argv, options, ['check', 'FILE']);
  if (isHelp) {
    io.out(config.usage);
    return 0;
  }
  const [action, file = ''] = positionals;
  if (action !== 'check') throw usageError(`config can be checked, not ${JSON.stringify(action)}`);
  const { problems, inapplicable } = check(file, values['expand-env'] === true);
  if (values.json === true) io.out(JSON.stringify({ file, problems, inapplicable }));
  else {
    for (const problem of problems) io.out(io.paint.red(problem));
    for (const key of inapplicable) io.out(`${file}: does nothing here: ${key}`);
    if (problems.length === 0) io.out(`${file}: OK`);
  }
  return problems.length === 0 ? 0 : 1;
}

function check(file: string, expand: boolean): { problems: readonly string[]; inapplicable: readonly string[] } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw usageError(`cannot read ${file}: ${(error as Error).message}`);
  }
  try {
    const { inapplicable } = loadConfig(expand ? expandEnv(text, process.env) : text, file);
    return { problems: [], inapplicable };
  } catch (error) {
    if (!(error instanceof RubatoError) || error.kind !== ErrorKind.config) throw error;
    return { problems: error.message.split('\n'), inapplicable: [] };
  }
}
