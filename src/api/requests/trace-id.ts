import { invalid } from '../../base/errors.ts';

/** Up to 32 hex digits, either case; missing ones are zeros in front. → 16 bytes. @throws RubatoError */
export function parseTraceId(text: string): Uint8Array {
  const bad = /[^0-9a-fA-F]/u.exec(text);
  if (bad !== null)
    throw invalid(
      'bad_trace_id',
      `trace IDs can only contain hex characters: invalid character '${bad[0]}' at position ${bad.index + 1}`,
    );
  if (text.length > 32) throw invalid('bad_trace_id', "trace IDs can't be larger than 128 bits");
  return new Uint8Array(Buffer.from(text.padStart(32, '0'), 'hex'));
}
