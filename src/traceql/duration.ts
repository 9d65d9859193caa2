/**
 * Durations as text. Two notations:
 *
 *   Go          -1h2.5m, 100ms, 10µs: numbers with fraction and unit in any order and number, one sign in front
 *               (https://pkg.go.dev/time#ParseDuration)
 *   Prometheus  1y2w3d4h5m6s7ms: whole numbers, each unit at most once and in this order
 *               (https://prometheus.io/docs/prometheus/latest/querying/basics/#float-literals-and-time-durations)
 *
 * Values are nanoseconds as a number, and must fit a signed 64-bit integer as they do in Go. They are added up exactly;
 * beyond 2^53 ns (104 days) the sum is rounded once, at the end.
 */
import { invalid } from '../base/errors.ts';

export { formatDuration } from './format-duration.ts';

const goUnits: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n], // U+00B5 micro sign
  ['μs', 1_000n], // U+03BC Greek letter mu
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
]);

const promUnits: readonly (readonly [unit: string, nanos: bigint])[] = [
  ['y', 365n * 86_400_000_000_000n],
  ['w', 7n * 86_400_000_000_000n],
  ['d', 86_400_000_000_000n],
  ['h', 3_600_000_000_000n],
  ['m', 60_000_000_000n],
  ['s', 1_000_000_000n],
  ['ms', 1_000_000n],
];

const durationMax = (1n << 63n) - 1n;
/** Digits beyond this cannot fit 64 bits and are not worth converting. */
const digitsMax = 20;

const goPart = /(\d*)(?:\.(\d*))?([^\d.]+)/y;
const promPart = /(\d+)([a-z]+)/y;

/** `1h30m`, `-1.5s`, `0` → ns. @throws RubatoError invalid. */
export function parseGoDuration(text: string): number {
  const negative = text.startsWith('-');
  const start = negative || text.startsWith('+') ? 1 : 0;
  if (text.slice(start) === '0') return 0;
  if (text.length === start) throw bad(text, 'it is empty');
  let total = 0n;
  for (let at = start; at < text.length; at = goPart.lastIndex) {
    goPart.lastIndex = at;
    const match = goPart.exec(text);
    if (match === null) throw bad(text, 'a unit is missing');
    const whole = match[1]!;
    const fraction = match[2] ?? '';
    if (whole === '' && fraction === '') throw bad(text, 'a number is missing');
    const unit = goUnits.get(match[3]!);
    if (unit === undefined) throw bad(text, `unknown unit "${match[3]}"`);
    if (whole.length > digitsMax) throw bad(text, 'it is out of range');
    total += BigInt(whole) * unit + fractionOf(fraction, unit);
    if (total > durationMax) throw bad(text, 'it is out of range');
  }
  return total === 0n ? 0 : Number(negative ? -total : total);
}

/** Truncated to whole ns, like Go. Digits that cannot reach a nanosecond are ignored. */
function fractionOf(digits: string, unit: bigint): bigint {
  const kept = digits.slice(0, 18);
  return (BigInt(kept) * unit) / 10n ** BigInt(kept.length);
}

/** `1d`, `1h30m`, `0` → ns. @throws RubatoError invalid. */
export function parsePromDuration(text: string): number {
  if (text === '0') return 0;
  if (text === '') throw bad(text, 'it is empty');
  let total = 0n;
  let nextUnit = 0;
  for (let at = 0; at < text.length; at = promPart.lastIndex) {
    promPart.lastIndex = at;
    const match = promPart.exec(text);
    if (match === null) throw bad(text, 'a whole number and a unit are expected');
    const index = promUnits.findIndex(([unit]) => unit === match[2]);
    if (index === -1) throw bad(text, `unknown unit "${match[2]}"`);
    if (index < nextUnit) throw bad(text, 'units must go from large to small, each once');
    nextUnit = index + 1;
    if (match[1]!.length > digitsMax) throw bad(text, 'it is out of range');
    total += BigInt(match[1]!) * promUnits[index]![1];
    if (total > durationMax) throw bad(text, 'it is out of range');
  }
  return Number(total);
}

/** As written in a query: the Prometheus notation if it fits, else Go's. @throws RubatoError invalid. */
export function parseDurationLiteral(text: string): number {
  if (/[ywd]/.test(text)) return parsePromDuration(text);
  // What both notations can read means the same in both.
  return parseGoDuration(text);
}

function bad(text: string, why: string): Error {
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return invalid('bad_duration', `not a valid duration string: "${shown}": ${why}`);
}
