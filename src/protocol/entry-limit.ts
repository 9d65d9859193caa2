/**
 * Bounds what is in memory of one translated span: an empty log takes two bytes on the wire and some hundred as objects,
 * so that 16 MiB of them, within the limit on messages, made a process of 3.0 GB (now 0.2). Far above what is seen;
 * OpenTelemetry's SDKs stop at 128.
 */
import { invalid } from '../base/errors.ts';

/** Tags, logs, references or annotations of one span or process; a span with more is refused. */
export const entriesMax = 65_536;

/** @throws RubatoError `too_many_entries` */
export function checkEntries(count: number, what: string): void {
  if (count > entriesMax) throw invalid('too_many_entries', `a span with more than ${entriesMax} ${what}`);
}
