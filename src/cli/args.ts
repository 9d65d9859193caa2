/**
 * The server's command line, in the form of Go's flag package that Tempo uses: `-name=value`, `-name value`, one or two
 * dashes. Flags override the configuration file.
 */
import { ErrorKind, RubatoError } from '../base/errors.ts';

export interface ServeArguments {
  readonly help: boolean;
  readonly version: boolean;
  readonly configFile: string | undefined;
  readonly expandEnv: boolean;
  /** Only check the configuration. */
  readonly verify: boolean;
  readonly target: string | undefined;
  readonly httpPort: number | undefined;
  readonly dataPath: string | undefined;
  readonly demo: boolean;
  readonly demoTracesPerSecond: number;
  readonly demoSeed: number;
}

export const serveUsage = `usage: npm run up -- [flags]

  -config.file FILE          YAML with Tempo's keys; without it everything has its default
  -config.expand-env         replace \${NAME} and \${NAME:-default} in the file
  -config.verify             check the configuration and exit
  -target NAME               which roles to run (default all)
  -server.http-listen-port N port of the query API (default 3200)
  -storage.trace.local.path DIR   where data is kept (default ./data)
  --demo                     send this server the traffic of a small shop, to have something to look at
  --demo.rate N              traces a second of the demo (default 10)
  --demo.seed N              the same seed gives the same traffic (default 1)
  -version                   print the version and exit
  --help                     this text
`;

const flags = {
  'config.file': 'text',
  'config.expand-env': 'switch',
  'config.verify': 'switch',
  target: 'text',
  'server.http-listen-port': 'number',
  'storage.trace.local.path': 'text',
  demo: 'switch',
  'demo.rate': 'number',
  'demo.seed': 'number',
  version: 'switch',
  help: 'switch',
  h: 'switch',
} as const;

function usageError(message: string): RubatoError {
  return new RubatoError(ErrorKind.config, 'bad_flag', `${message}; see --help`);
}

/** @throws RubatoError config on anything that is not a flag of ours. */
export function parseServeArguments(argv: readonly string[]): ServeArguments {
  const text = new Map<string, string>();
  const on = new Set<string>();
  for (let i = 0; i < argv.length; i++) {
    const match = /^--?([a-z][a-zA-Z.-]*)(?:=(.*))?$/s.exec(argv[i]!);
    if (match === null) throw usageError(`unexpected argument ${JSON.stringify(argv[i])}`);
    const name = match[1]!;
    if (!Object.hasOwn(flags, name)) throw usageError(`unknown flag -${name}`);
    const kind = flags[name as keyof typeof flags];
    if (kind === 'switch') {
      if (match[2] !== undefined && match[2] !== 'true' && match[2] !== 'false')
        throw usageError(`-${name} is true or false`);
      if (match[2] !== 'false') on.add(name);
      continue;
    }
    const value = match[2] ?? argv[++i];
    if (value === undefined) throw usageError(`-${name} needs a value`);
    if (kind === 'number' && !/^\d+(\.\d+)?$/.test(value))
      throw usageError(`-${name} needs a number, not ${JSON.stringify(value)}`);
    text.set(name, value);
  }
  const number = (name: string): number | undefined => (text.has(name) ? Number(text.get(name)) : undefined);
  const port = number('server.http-listen-port');
  if (port !== undefined && (!Number.isInteger(port) || port > 65535)) throw usageError(`${port} is not a port`);
  return {
    help: on.has('help') || on.has('h'),
    version: on.has('version'),
    configFile: text.get('config.file'),
    expandEnv: on.has('config.expand-env'),
    verify: on.has('config.verify'),
    target: text.get('target'),
    httpPort: port,
    dataPath: text.get('storage.trace.local.path'),
    demo: on.has('demo'),
    demoTracesPerSecond: number('demo.rate') ?? 10,
    demoSeed: number('demo.seed') ?? 1,
  };
}
