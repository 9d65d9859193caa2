/**
 * Bounds what is in memory of one translated span: an empty log takes two bytes on the wire and a hundred times that as
 * an object. Far above what is seen; OpenTelemetry's SDKs stop at 128.
 */
import { invalid } from '../base/errors.ts';

/** Tags, logs, references or annotations of one span or process; a span with more is refused. */
export const entriesMax = 65_536;

/** @throws RubatoError `too_many_entries` */
export function checkEntries(count: number, what: string): void {
  if (count > entriesMax) throw invalid('too_many_entries', `a span with more than ${entriesMax} ${what}`);
}
