/** Query parameters as Tempo reads them: an empty value counts as not given, of several the first counts. */
import { ErrorKind, invalid, RubatoError } from '../../base/errors.ts';

export class QueryParams {
  readonly #params: URLSearchParams;

  /** The part of the URL behind `?`; may be empty. */
  constructor(search: string) {
    this.#params = new URLSearchParams(search);
  }

  get(name: string): string | undefined {
    const value = this.#params.get(name);
    return value === null || value === '' ? undefined : value;
  }

  /** Every value of a name that may come several times. */
  all(name: string): string[] {
    return this.#params.getAll(name).filter((value) => value !== '');
  }

  flag(name: string): boolean {
    const value = this.get(name);
    return value === 'true' || value === '1';
  }

  /** Every name with its first value, empty ones too. */
  entries(): [name: string, value: string][] {
    return [...new Set(this.#params.keys())].map((name) => [name, this.#params.get(name)!]);
  }
}

const intMax = { 32: (1n << 31n) - 1n, 64: (1n << 63n) - 1n } as const;

/** A whole number without sign that fits `bits`. @throws RubatoError in the words that clients of Tempo know. */
export function parseUnsigned(text: string, bits: 32 | 64): bigint {
  if (!/^\d+$/.test(text)) throw badNumber('ParseUint', text, 'invalid syntax');
  const value = BigInt(text.slice(0, 40));
  if (value > intMax[bits] * 2n + 1n || text.length > 40) throw badNumber('ParseUint', text, 'value out of range');
  return value;
}

/** A whole number with or without sign that fits `bits`. @throws RubatoError */
export function parseSigned(text: string, bits: 32 | 64): bigint {
  const match = /^([+-]?)(\d+)$/.exec(text);
  if (match === null) throw badNumber('ParseInt', text, 'invalid syntax');
  const size = BigInt(match[2]!.slice(0, 40));
  const negative = match[1] === '-';
  if (match[2]!.length > 40 || size > intMax[bits] + (negative ? 1n : 0n))
    throw badNumber('ParseInt', text, 'value out of range');
  return negative ? -size : size;
}

function badNumber(reader: string, text: string, why: string): Error {
  return invalid('bad_number', `strconv.${reader}: parsing ${quoted(text)}: ${why}`);
}

/** A piece of the request in an error message: quoted, and not longer than it helps. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

/** Runs `read` and puts `context` before the message when it refuses its input. */
export function inContext<Value>(context: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RubatoError) || error.kind !== ErrorKind.invalid || context === '') throw error;
    throw invalid(error.code, context + error.message, error);
  }
}
