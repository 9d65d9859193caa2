/** Structured logs on standard error, one JSON object a line; a thread or role names itself in `part`. */
import { type Logger, pino } from 'pino';
import type { Config } from './config/schema.ts';

export function createLog(server: Config['server'], part: string): Logger {
  // Synchronous: the last lines before a crash are the ones that matter.
  return pino({ level: server.log_level, base: { part } }, pino.destination({ fd: 2, sync: true }));
}
