/** `vulture`: the black-box checker's command line, with the flags of Tempo's. */
import type { ParseArgsOptionsConfig } from 'node:util';
import { systemClock } from '../../base/clock.ts';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { systemRng } from '../../base/random.ts';
import { authorizationOf } from '../credentials.ts';
import type { Command, Io } from '../io.ts';
import { readDurationMs, readInteger, readOptions } from '../options.ts';
import { QueryClient } from '../query-client.ts';
import { createChecks } from './checks.ts';
import { createPusher } from './push.ts';
import { circle, type VultureOptions, validate } from './vulture.ts';
import { serveMetrics, VultureMetrics } from './vulture-metrics.ts';

export const vulture: Command = {
  summary: 'write traces and check that each can be read in every way',
  usage: `usage: rubato vulture [flags]

  --query-url URL                   query API (default http://127.0.0.1:3200)
  --push-url URL                    OTLP: gRPC, or HTTP when the URL has a path (default http://127.0.0.1:4317)
  --push-tls                        gRPC over TLS
  --org-id ID                       tenant
  --write-backoff-duration D        between writes (default 15s)
  --long-write-backoff-duration D   between the writes of one trace (default 1m)
  --read-backoff-duration D         between reads by id (default 30s); 0: none
  --search-backoff-duration D       between searches (default 60s); 0: none
  --metrics-backoff-duration D      between metrics queries (default 10s); 0: none
  --retention-duration D            older traces are not asked for (default 336h)
  --recent-traces-backoff-duration D  how long a trace is recent; a recent and an older one are read (default 14m)
  --query-livestore                 read recent traces only
  --prometheus-listen-address A     where metrics are (default :80; in validation mode nowhere)
  --prometheus-path PATH            (default /metrics)
  --validation-mode                 a number of cycles, then exit: 0 when every check passed, else 1
  --validation-cycles N             (default 3)
  --validation-timeout D            (default 5m)

Flags may have one dash, and Tempo's prefix: -tempo-query-url=http://tempo:3200.
`,
  run: runVulture,
};

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const options = {
  'query-url': text,
  'push-url': text,
  'push-tls': flag,
  'org-id': text,
  'write-backoff-duration': text,
  'long-write-backoff-duration': text,
  'read-backoff-duration': text,
  'search-backoff-duration': text,
  'metrics-backoff-duration': text,
  'retention-duration': text,
  'recent-traces-backoff-duration': text,
  'query-livestore': flag,
  'prometheus-listen-address': text,
  'prometheus-path': text,
  'validation-mode': flag,
  'validation-cycles': text,
  'validation-timeout': text,
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsOptionsConfig;

/** A server that does not answer is as bad as one that answers wrongly. */
const answerMsMax = 30_000;

async function runVulture(argv: readonly string[], io: Io): Promise<number> {
  const { values, isHelp } = readOptions(argv.flatMap(canonicalFlag), options);
  if (isHelp) {
    io.out(vulture.usage);
    return 0;
  }
  const durationMs = (name: keyof typeof values, byDefault: string): number =>
    readDurationMs(name, (values[name] as string | undefined) ?? byDefault);
  const cycles = readInteger('validation-cycles', values['validation-cycles'], 1) ?? 3;
  const timeoutMs = durationMs('validation-timeout', '5m');
  const isValidation = values['validation-mode'] === true;
  const tenant = values['org-id'];
  const baseUrl = values['query-url'] ?? 'http://127.0.0.1:3200';
  const pushUrl = values['push-url'] ?? 'http://127.0.0.1:4317';
  const abort = new AbortController();
  const metrics = new VultureMetrics();
  const backoffs = {
    writeBackoffMs: durationMs('write-backoff-duration', '15s'),
    longWriteBackoffMs: durationMs('long-write-backoff-duration', '1m'),
    readBackoffMs: durationMs('read-backoff-duration', '30s'),
    searchBackoffMs: durationMs('search-backoff-duration', '60s'),
    metricsBackoffMs: durationMs('metrics-backoff-duration', '10s'),
    retentionMs: durationMs('retention-duration', '336h'),
    recentMs: durationMs('recent-traces-backoff-duration', '14m'),
  };
  const address = values['prometheus-listen-address'] ?? (isValidation ? undefined : ':80');
  const authorization = authorizationOf(process.env);
  const client = new QueryClient({ baseUrl, tenant, authorization, idleMsMax: answerMsMax });
  const pusher = createPusher({ url: pushUrl, tls: values['push-tls'] === true, tenant, authorization });
  const page = address && (await serveMetrics(metrics.registry, address, values['prometheus-path'] ?? '/metrics'));
  if (page) io.err(`metrics on port ${page.port}`);
  const stop = (): void => abort.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const flight: VultureOptions = {
    ...backoffs,
    pusher,
    checks: createChecks(client),
    metrics,
    clock: systemClock,
    rng: systemRng,
    signal: abort.signal,
    report: (line) => io.err(line),
    onlyRecent: values['query-livestore'] === true,
  };
  try {
    if (!isValidation) {
      await circle(flight);
      return 0;
    }
    return await validation(flight, { cycles, timeoutMs, abort }, io);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    client.close();
    pusher.close();
    if (page) page.close();
  }
}

async function validation(
  flight: VultureOptions,
  limits: { readonly cycles: number; readonly timeoutMs: number; readonly abort: AbortController },
  io: Io,
): Promise<number> {
  const timer = setTimeout(() => limits.abort.abort(), limits.timeoutMs);
  try {
    const passed = await validate(flight, limits.cycles);
    io.out(passed ? 'validation passed' : 'validation failed');
    return passed ? 0 : 1;
  } catch (error) {
    if (!flight.signal.aborted && !(error instanceof RubatoError && error.kind === ErrorKind.unavailable)) throw error;
    io.err(flight.signal.aborted ? `not done within ${limits.timeoutMs / 1000} s` : (error as Error).message);
    io.out('validation failed');
    return 1;
  } finally {
    clearTimeout(timer);
  }
}

/** Go's way of writing flags → ours: one dash or two, Tempo's prefix or not, `=true` and `=false` behind switches. */
function canonicalFlag(word: string): string[] {
  const match = /^--?(?:tempo-)?([a-z][a-z-]+)(=.*)?$/s.exec(word);
  if (match === null) return [word];
  const [, name = '', value = ''] = match;
  const isSwitch = Object.hasOwn(options, name) && options[name as keyof typeof options].type === 'boolean';
  if (isSwitch && value === '=false') return [];
  return [`--${name}${isSwitch && value === '=true' ? '' : value}`];
}
