/** `agent`: the node-local collector, until it is told to stop. */
import { readFileSync } from 'node:fs';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import type { Command, Io } from '../io.ts';
import { becomeLean, keepCompiled } from '../lean-process.ts';
import { readOptions } from '../options.ts';

export const agent: Command = {
  summary: 'collect spans on a node, add what Kubernetes knows of their senders, and send them on',
  usage: `usage: rubato agent [flags]

  --config.file FILE     its YAML (docs/agent.md); without it: OTLP and Jaeger on localhost, sent to http://localhost:4318
  --config.expand-env    replace \${NAME} and \${NAME:-default} in the file
  --config.verify        check the file and exit

Flags may have one dash: -config.file=agent.yaml.
`,
  run: runAgent,
};

const options = {
  'config.file': { type: 'string' },
  'config.expand-env': { type: 'boolean' },
  'config.verify': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

async function runAgent(argv: readonly string[], io: Io): Promise<number> {
  const { values, isHelp } = readOptions(argv.map(twoDashes), options);
  if (isHelp) {
    io.out(agent.usage);
    return 0;
  }
  becomeLean();
  const { loadAgentConfig } = await import('../../app/agent/config.ts');
  const { startAgent } = await import('../../app/agent/start-agent.ts');
  const { expandEnv } = await import('../../app/config/load.ts');
  const { version } = await import('../../app/version.ts');
  const file = values['config.file'];
  const text = file === undefined ? '' : readText(file);
  const expanded = values['config.expand-env'] === true ? expandEnv(text, process.env) : text;
  const config = loadAgentConfig(expanded, file ?? 'defaults');
  if (values['config.verify'] === true) {
    keepCompiled();
    io.out('the configuration is valid');
    return 0;
  }
  const running = await startAgent(config);
  keepCompiled();
  io.out(`Rubato agent ${version} sends to ${config.remote.url}, spool in ${config.spool.path}`);
  io.out(`  ${'status'.padEnd(22)} http://${config.server.http_listen_address}:${running.httpPort}`);
  for (const { type, address } of running.receivers) io.out(`  ${type.padEnd(22)} ${address}`);
  const signal = await stopSignal();
  io.out(`${signal}: sending what was accepted …`);
  // A second signal does not wait.
  void stopSignal().then(() => process.exit(1));
  await running.stop();
  process.exit(0);
}

function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
}

/** Go's way of writing flags. */
function twoDashes(word: string): string {
  const match = /^-([a-z][a-z.-]+)(=.*)?$/s.exec(word);
  if (match === null) return word.replace(/=true$/, '');
  const [, name = '', value = ''] = match;
  return `--${name}${value === '=true' ? '' : value}`;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new RubatoError(ErrorKind.config, 'no_config', `cannot read ${file}: ${(error as Error).message}`, error);
  }
}
