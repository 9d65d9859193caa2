/** `serve`: starts the server and runs until it is told to stop. */
import { readFileSync } from 'node:fs';
import { expandEnv, type LoadedConfig, loadConfig } from '../app/config/load.ts';
import { startServer } from '../app/server.ts';
import { version } from '../app/version.ts';
import { systemClock } from '../base/clock.ts';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { parseServeArguments, type ServeArguments, serveUsage } from './args.ts';
import { runDemo } from './demo/demo.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Resolves when the server runs, which then keeps the process alive. @throws RubatoError config */
export async function serve(argv: readonly string[]): Promise<void> {
  const args = parseServeArguments(argv);
  if (args.help) return say(serveUsage);
  if (args.version) return say(`rubato ${version}`);
  const loaded = readConfig(args);
  if (loaded.inapplicable.length > 0) {
    process.stderr.write(`rubato: these keys do nothing here: ${loaded.inapplicable.join(', ')}\n`);
  }
  if (args.verify) {
    say('the configuration is valid');
    process.exit(loaded.inapplicable.length > 0 ? 1 : 0);
  }
  const { config } = loaded;
  const started = systemClock.nowMs();
  const server = await startServer(config);
  const abort = new AbortController();
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) process.exit(1);
    stopping = true;
    say(`${signal}: finishing what was accepted …`);
    abort.abort();
    void server.stop().then(() => process.exit(0));
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  void server.failed.then((reason) => {
    if (stopping) return;
    process.stderr.write(`rubato: ${reason}\n`);
    process.exit(1);
  });

  const { receivers } = await server.ready;
  const host = config.server.http_listen_address;
  say(
    `Rubato ${version} is ready after ${systemClock.nowMs() - started} ms, data in ${config.storage.trace.local.path}`,
  );
  say(`  ${'query API'.padEnd(22)} http://${host}:${server.httpPort}`);
  for (const { type, address } of receivers) say(`  ${type.padEnd(22)} ${address}`);
  const url = receivers.find(({ type }) => type === 'otlp/http')?.address;
  if (url !== undefined) {
    if (args.demo) {
      say(`  ${'demo'.padEnd(22)} ${args.demoTracesPerSecond} traces a second of a small bookshop`);
      void runDemo({
        url,
        tracesPerSecond: args.demoTracesPerSecond,
        seed: args.demoSeed,
        clock: systemClock,
        signal: abort.signal,
        onError: (error) => process.stderr.write(`rubato: demo: ${error.message}\n`),
      });
    } else {
      say('Send a first trace: point an OpenTelemetry SDK here with');
      say(`  OTEL_EXPORTER_OTLP_ENDPOINT=${new URL(url).origin}`);
      say('or start with --demo to see the traffic of a small shop.');
    }
  }
}

function readConfig(args: ServeArguments): LoadedConfig {
  let text = '';
  if (args.configFile !== undefined) {
    try {
      text = readFileSync(args.configFile, 'utf8');
    } catch (error) {
      throw new RubatoError(
        ErrorKind.config,
        'no_config',
        `cannot read ${args.configFile}: ${(error as Error).message}`,
      );
    }
  }
  const loaded = loadConfig(args.expandEnv ? expandEnv(text, process.env) : text, args.configFile ?? 'defaults');
  const { config } = loaded;
  if (args.target !== undefined) config.target = args.target;
  if (args.httpPort !== undefined) config.server.http_listen_port = args.httpPort;
  if (args.dataPath !== undefined) config.storage.trace.local.path = args.dataPath;
  return loaded;
}
