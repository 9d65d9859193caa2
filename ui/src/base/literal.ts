import { quoteString } from '../../../src/traceql/strings.ts';

/** A TraceQL string literal: in plain quotes where they need no escapes, as people write them. */
export function literal(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these would have to be escaped
  return /^[^\\"\u0000-\u001f\u007f]*$/.test(value) ? `"${value}"` : quoteString(value);
}
