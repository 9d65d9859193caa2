import type { AnyValueJson } from '../../api/contract/index.ts';

/** A value as TraceQL writes it where it can: strings in quotes. */
export function valueText(value: AnyValueJson): string {
  if (value.stringValue !== undefined) return JSON.stringify(value.stringValue);
  const [only] = Object.values(value);
  if (only === undefined) return 'nil';
  return typeof only === 'object' ? JSON.stringify(only) : String(only);
}
