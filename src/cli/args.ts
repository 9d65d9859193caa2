/**
 * The server's command line, in the form of Go's flag package that Tempo uses: `-name=value`, `-name value`, one or two
 * dashes. Flags override the configuration file.
 */
import type { ConfigFlags } from '../app/config/load.ts';
import { ErrorKind, RubatoError } from '../base/errors.ts';

export interface ServeArguments {
  readonly help: boolean;
  readonly version: boolean;
  readonly configFile: string | undefined;
  readonly expandEnv: boolean;
  /** Only check the configuration. */
  readonly verify: boolean;
  /** Keys of the configuration that flags set. */
  readonly configFlags: ConfigFlags;
  /** Only ask whether the server at `healthUrl` is ready. */
  readonly health: boolean;
  readonly healthUrl: string;
  readonly demo: boolean;
  readonly demoTracesPerSecond: number;
  readonly demoSeed: number;
  readonly demoLogFile: string | undefined;
}

const defaultHealthUrl = 'http://localhost:3200/ready';

export const serveUsage = `usage: npm run up -- [flags]

  -config.file FILE          YAML with Tempo's keys; without it everything has its default
  -config.expand-env         replace \${NAME} and \${NAME:-default} in the file
  -config.verify             check the configuration and exit
  -target NAME               which roles to run (default all)
  -multitenancy.enabled      requests must name their tenant in X-Scope-OrgID
  -http-api-prefix PATH      put before every /api path
  -shutdown-delay D          time from /ready saying no to the ports closing (default 0s)
  -log.level LEVEL           debug, info, warn or error (default info)
  -log.format FORMAT         json or logfmt (default json)
  -server.http-listen-port N, -server.http-listen-address A   the query API (default 127.0.0.1:3200)
  -server.grpc-listen-port N, -server.grpc-listen-address A   its gRPC port (default 127.0.0.1:9095)
  -server.http-read-timeout D, -server.http-write-timeout D, -server.http-idle-timeout D
  -server.grpc-max-recv-msg-size-bytes N, -server.grpc-max-send-msg-size-bytes N
  -storage.trace.backend NAME     where data is kept (default local)
  -storage.trace.local.path DIR   its folder (default ./data)
  -health                    ask a running server whether it is ready: exit code 0, else 1
  -health.url URL            where to ask (default ${defaultHealthUrl})
  --demo                     send this server the traffic of a small shop, to have something to look at
  --demo.rate N              traces a second of the demo (default 10)
  --demo.seed N              the same seed gives the same traffic (default 1)
  --demo.log-file FILE       the logs of the shop's services, with trace ids, as lines of JSON
  -version                   print the version and exit
  --help                     this text
`;

/** Flags that set a key of the configuration, which then says what it takes. */
const configKeys: Readonly<Record<string, { readonly key: string; readonly kind: 'text' | 'number' | 'switch' }>> = {
  target: { key: 'target', kind: 'text' },
  'multitenancy.enabled': { key: 'multitenancy_enabled', kind: 'switch' },
  'auth.enabled': { key: 'multitenancy_enabled', kind: 'switch' },
  'http-api-prefix': { key: 'http_api_prefix', kind: 'text' },
  'shutdown-delay': { key: 'shutdown_delay', kind: 'text' },
  'log.level': { key: 'server.log_level', kind: 'text' },
  'log.format': { key: 'server.log_format', kind: 'text' },
  'server.http-listen-port': { key: 'server.http_listen_port', kind: 'number' },
  'server.http-listen-address': { key: 'server.http_listen_address', kind: 'text' },
  'server.grpc-listen-port': { key: 'server.grpc_listen_port', kind: 'number' },
  'server.grpc-listen-address': { key: 'server.grpc_listen_address', kind: 'text' },
  'server.http-read-timeout': { key: 'server.http_server_read_timeout', kind: 'text' },
  'server.http-write-timeout': { key: 'server.http_server_write_timeout', kind: 'text' },
  'server.http-idle-timeout': { key: 'server.http_server_idle_timeout', kind: 'text' },
  'server.grpc-max-recv-msg-size-bytes': { key: 'server.grpc_server_max_recv_msg_size', kind: 'number' },
  'server.grpc-max-send-msg-size-bytes': { key: 'server.grpc_server_max_send_msg_size', kind: 'number' },
  'storage.trace.backend': { key: 'storage.trace.backend', kind: 'text' },
  'storage.trace.local.path': { key: 'storage.trace.local.path', kind: 'text' },
};

const flags: Readonly<Record<string, 'text' | 'number' | 'switch'>> = {
  'config.file': 'text',
  'config.expand-env': 'switch',
  'config.verify': 'switch',
  health: 'switch',
  'health.url': 'text',
  demo: 'switch',
  'demo.rate': 'number',
  'demo.seed': 'number',
  'demo.log-file': 'text',
  version: 'switch',
  help: 'switch',
  h: 'switch',
};

function usageError(message: string): RubatoError {
  return new RubatoError(ErrorKind.config, 'bad_flag', `${message}; see --help`);
}

/** @throws RubatoError config on anything that is not a flag of ours. */
export function parseServeArguments(argv: readonly string[]): ServeArguments {
  const text = new Map<string, string>();
  const on = new Set<string>();
  const configFlags = new Map<string, string | number | boolean>();
  for (let i = 0; i < argv.length; i++) {
    const match = /^--?([a-z][a-zA-Z.-]*)(?:=(.*))?$/s.exec(argv[i]!);
    if (match === null) throw usageError(`unexpected argument ${JSON.stringify(argv[i])}`);
    const name = match[1]!;
    const configKey = Object.hasOwn(configKeys, name) ? configKeys[name] : undefined;
    const kind = configKey?.kind ?? (Object.hasOwn(flags, name) ? flags[name] : undefined);
    if (kind === undefined) throw usageError(`unknown flag -${name}`);
    if (kind === 'switch') {
      if (match[2] !== undefined && match[2] !== 'true' && match[2] !== 'false')
        throw usageError(`-${name} is true or false`);
      if (configKey !== undefined) configFlags.set(configKey.key, match[2] !== 'false');
      else if (match[2] !== 'false') on.add(name);
      continue;
    }
    const value = match[2] ?? argv[++i];
    if (value === undefined) throw usageError(`-${name} needs a value`);
    if (kind === 'number' && !/^\d+(\.\d+)?$/.test(value))
      throw usageError(`-${name} needs a number, not ${JSON.stringify(value)}`);
    if (configKey !== undefined) configFlags.set(configKey.key, kind === 'number' ? Number(value) : value);
    else text.set(name, value);
  }
  const number = (name: string): number | undefined => (text.has(name) ? Number(text.get(name)) : undefined);
  return {
    help: on.has('help') || on.has('h'),
    version: on.has('version'),
    configFile: text.get('config.file'),
    expandEnv: on.has('config.expand-env'),
    verify: on.has('config.verify'),
    configFlags,
    health: on.has('health'),
    healthUrl: text.get('health.url') ?? defaultHealthUrl,
    demo: on.has('demo'),
    demoTracesPerSecond: number('demo.rate') ?? 10,
    demoSeed: number('demo.seed') ?? 1,
    demoLogFile: text.get('demo.log-file'),
  };
}
