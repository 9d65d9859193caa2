/** `serve`: starts the server and runs until it is told to stop. */
import { readFileSync } from 'node:fs';
import { asksCredentials } from '../app/config/auth-schema.ts';
import { expandEnv, type LoadedConfig, loadConfig } from '../app/config/load.ts';
import { parseRuntimeOverrides } from '../app/overrides/runtime-file.ts';
import { startServer } from '../app/server.ts';
import { placeOfData } from '../app/store-options.ts';
import { version } from '../app/version.ts';
import { systemClock } from '../base/clock.ts';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { parseServeArguments, type ServeArguments, serveUsage } from './args.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** A server that does not answer by then is not healthy. */
const healthMsMax = 5_000;

/** Resolves when the server runs, which then keeps the process alive. @throws RubatoError config */
export async function serve(argv: readonly string[]): Promise<void> {
  const args = parseServeArguments(argv);
  if (args.help) return say(serveUsage);
  if (args.version) return say(`rubato ${version}`);
  if (args.health) return askHealth(args.healthUrl);
  const loaded = readConfig(args);
  if (loaded.inapplicable.length > 0) {
    process.stderr.write(`rubato: these keys do nothing here: ${loaded.inapplicable.join(', ')}\n`);
  }
  const expand = args.expandEnv ? (text: string): string => expandEnv(text, process.env) : undefined;
  if (args.verify) {
    checkRuntimeFile(loaded.config.overrides, expand);
    say('the configuration is valid');
    process.exit(loaded.inapplicable.length > 0 ? 1 : 0);
  }
  const { config } = loaded;
  if (args.demo && asksCredentials(config.auth))
    throw new RubatoError(ErrorKind.config, 'bad_flag', '--demo has no credentials: leave out the block auth for it');
  const started = systemClock.nowMs();
  const server = await startServer(config, expand === undefined ? {} : { expand });
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
    `Rubato ${version} is ready after ${systemClock.nowMs() - started} ms, data in ${placeOfData(config.storage.trace)}`,
  );
  say(`  ${'web UI, query API'.padEnd(22)} ${server.httpScheme}://${host}:${server.httpPort}`);
  for (const { type, address } of receivers) say(`  ${type.padEnd(22)} ${address}`);
  const url = receivers.find(({ type }) => type === 'otlp/http')?.address;
  if (url !== undefined) {
    if (args.demo) {
      say(`  ${'demo'.padEnd(22)} ${args.demoTracesPerSecond} traces a second of a small bookshop`);
      const { runDemo } = await import('./demo/demo.ts');
      void runDemo({
        url,
        tracesPerSecond: args.demoTracesPerSecond,
        seed: args.demoSeed,
        logFile: args.demoLogFile,
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
  const text = args.configFile === undefined ? '' : readText(args.configFile);
  const expanded = args.expandEnv ? expandEnv(text, process.env) : text;
  return loadConfig(expanded, args.configFile ?? 'flags', args.configFlags);
}

/** @throws RubatoError config: the file of limits per tenant has a mistake */
function checkRuntimeFile(
  overrides: LoadedConfig['config']['overrides'],
  expand = (text: string): string => text,
): void {
  const { per_tenant_override_config: file, enable_legacy_overrides } = overrides;
  if (file !== '') parseRuntimeOverrides(expand(readText(file)), file, enable_legacy_overrides);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new RubatoError(ErrorKind.config, 'no_config', `cannot read ${file}: ${(error as Error).message}`);
  }
}

/** For containers: whether a running server is ready, as exit code. */
async function askHealth(url: string): Promise<void> {
  let answer: string;
  try {
    const { status } = await fetch(url, { signal: AbortSignal.timeout(healthMsMax) });
    if (status === 200) return;
    answer = `status ${status}`;
  } catch (error) {
    answer = String((error as Error).cause ?? error);
  }
  process.stderr.write(`rubato: ${url}: ${answer}\n`);
  process.exitCode = 1;
}
