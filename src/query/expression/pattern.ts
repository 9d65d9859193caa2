/**
 * Regular expressions of TraceQL: RE2 syntax, anchored at both ends, the dot matches newlines too. Patterns that are only
 * literal text, `.*` and `|` (most of those people write) become string searches, ten times faster than the automaton.
 *
 * Matching takes time in proportion to text and automaton, whatever the pattern; the automaton's size and the time spent
 * on one pattern are bounded, so that no query stands in the way of others for long.
 */
import { RE2JS } from 're2js';
import { ErrorKind, invalid, RubatoError } from '../../base/errors.ts';
import { patternSize } from './pattern-size.ts';

export type StringTest = (text: string) => boolean;

/** Instructions of an automaton: room for 2000 names in a group. Making one so large takes half a second. */
const sizeMax = 50_000;
/** Automata that are kept for a query's next fragment and for the next query. */
const keptMax = 64;
/** Sum of their sizes; an instruction takes about 400 bytes. */
const keptSizeMax = 100_000;
/** Matches with less of size × length take microseconds and are not timed. */
const timedWorkMin = 4096;
/** Time for one pattern and the values of one column. */
const matchMsMax = 5000;

/** @throws RubatoError `invalid` for a pattern that is not RE2 or too large. */
export function compilePattern(pattern: string): StringTest {
  return compileSimple(pattern) ?? timed(automata.get(pattern));
}

/** @throws RubatoError `exhausted` when matching has taken too long. */
function timed(regex: RE2JS): StringTest {
  const size = regex.programSize();
  let spentMs = 0;
  return (text) => {
    if (size * text.length < timedWorkMin) return regex.testExact(text);
    const startMs = performance.now();
    const answer = regex.testExact(text);
    spentMs += performance.now() - startMs;
    if (spentMs < matchMsMax) return answer;
    // Answers are remembered: whoever asks again gets further.
    spentMs = 0;
    throw new RubatoError(
      ErrorKind.exhausted,
      'regex_time',
      `matching a regular expression took more than ${matchMsMax / 1000} s: simplify it or filter by something else first`,
    );
  };
}

/** The automata used last. */
class Automata {
  readonly #kept = new Map<string, RE2JS>();
  #size = 0;

  get(pattern: string): RE2JS {
    const known = this.#kept.get(pattern);
    if (known !== undefined) this.#kept.delete(pattern);
    const regex = known ?? makeAutomaton(pattern);
    this.#kept.set(pattern, regex);
    if (known === undefined) this.#size += regex.programSize();
    for (const [oldest, automaton] of this.#kept) {
      if (this.#kept.size <= keptMax && this.#size <= keptSizeMax) break;
      this.#kept.delete(oldest);
      this.#size -= automaton.programSize();
    }
    return regex;
  }
}

const automata = new Automata();

function makeAutomaton(pattern: string): RE2JS {
  // What is known beforehand is known to a factor of four.
  if (patternSize(pattern) > 4 * sizeMax) throw tooLarge();
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(pattern, RE2JS.DOTALL);
  } catch (error) {
    throw invalid('invalid_regex', `invalid regex: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  if (regex.programSize() > sizeMax) throw tooLarge();
  return regex;
}

function tooLarge(): RubatoError {
  return invalid('invalid_regex', `invalid regex: it needs more than ${sizeMax} steps; repeat or list less`);
}

/** Literal pieces around `.*`: `["", "a", ""]` is `.*a.*`. */
type Pieces = readonly string[];

function compileSimple(pattern: string): StringTest | undefined {
  // Clients write lists in parentheses.
  const list = /^\((?:\?:)?([^()]*)\)$/.exec(pattern)?.[1];
  const alternatives = parseAlternatives(list ?? pattern);
  if (alternatives === undefined) return undefined;
  if (alternatives.length === 1) return testOf(alternatives[0]!);
  if (alternatives.every((pieces) => pieces.length === 1)) {
    const literals = new Set(alternatives.map((pieces) => pieces[0]!));
    return (text) => literals.has(text);
  }
  const tests = alternatives.map(testOf);
  return (text) => tests.some((test) => test(text));
}

/** undefined when the pattern has anything but literal characters, `.*` and `|` outside of groups. */
function parseAlternatives(pattern: string): Pieces[] | undefined {
  const alternatives: Pieces[] = [];
  let pieces: string[] = [];
  let literal = '';
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]!;
    const next = pattern[i + 1];
    if (char === '|') {
      alternatives.push([...pieces, literal]);
      pieces = [];
      literal = '';
    } else if (char === '.') {
      if (next !== '*' || isQuantifier(pattern[i + 2])) return undefined;
      pieces.push(literal);
      literal = '';
      i++;
    } else if (char === '\\') {
      // Only escaped ASCII punctuation stands for itself.
      if (next === undefined || !/[!-/:-@[-`{-~]/.test(next) || isQuantifier(pattern[i + 2])) return undefined;
      literal += next;
      i++;
    } else if ('^$()[]{}*+?'.includes(char) || isQuantifier(next)) {
      return undefined;
    } else {
      literal += char;
    }
  }
  alternatives.push([...pieces, literal]);
  return alternatives;
}

const isQuantifier = (char: string | undefined): boolean => char !== undefined && '*+?{'.includes(char);

function testOf(pieces: Pieces): StringTest {
  const first = pieces[0]!;
  const last = pieces[pieces.length - 1]!;
  if (pieces.length === 1) return (text) => text === first;
  if (pieces.length === 2) {
    if (last === '') return (text) => text.startsWith(first);
    if (first === '') return (text) => text.endsWith(last);
  }
  if (pieces.length === 3 && first === '' && last === '') {
    const part = pieces[1]!;
    return (text) => text.includes(part);
  }
  const inner = pieces.slice(1, -1);
  const lengthMin = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return (text) => {
    if (text.length < lengthMin || !text.startsWith(first) || !text.endsWith(last)) return false;
    let at = first.length;
    for (const piece of inner) {
      const found = text.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return at <= text.length - last.length;
  };
}
