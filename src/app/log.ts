/** Structured logs on standard error, one line each, as JSON or logfmt; a thread or role names itself in `part`,
 * and a line of a request carries `trace_id` and `span_id`. */
import { writeSync } from 'node:fs';
import { type Logger, pino } from 'pino';
import type { Config } from './config/schema.ts';
import { traceFields } from './current-span.ts';

const standardError = 2;

export function createLog(server: Pick<Config['server'], 'log_level' | 'log_format'>, part: string): Logger {
  const options = { level: server.log_level, base: { part }, mixin: traceFields };
  // Synchronous: the last lines before a crash are the ones that matter.
  if (server.log_format === 'json') return pino(options, pino.destination({ fd: standardError, sync: true }));
  return pino(options, { write: (line: string) => void writeSync(standardError, logfmtLine(line)) });
}

/** One of pino's JSON lines as `level=info ts=… msg="…"`. */
export function logfmtLine(json: string): string {
  const { level, time, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const first = { level: pino.levels.labels[level as number], ts: new Date(time as number).toISOString(), msg };
  const pairs = Object.entries({ ...first, ...fields }).map(([key, value]) => `${key}=${logfmtValue(value)}`);
  return `${pairs.join(' ')}\n`;
}

function logfmtValue(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return /^[^\s"=\\]+$/.test(text) ? text : JSON.stringify(text);
}
