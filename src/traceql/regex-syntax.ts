/**
 * Finds what no RE2 engine would take (https://github.com/google/re2/wiki/Syntax), without being one: unbalanced
 * brackets, repetition of nothing, a trailing backslash, and the constructs RE2 leaves out on purpose (look-around, back
 * references). Whoever has an engine at hand passes that to the checker instead.
 */

/** @throws Error that says what is wrong. */
export function checkRegexSyntax(pattern: string): void {
  let open = 0;
  let repeatable = false;
  let at = 0;
  while (at < pattern.length) {
    const char = pattern.charAt(at);
    at += 1;
    switch (char) {
      case '\\':
        at = skipEscape(pattern, at);
        repeatable = true;
        break;
      case '[':
        at = skipClass(pattern, at);
        repeatable = true;
        break;
      case '(':
        open += 1;
        at = skipGroupStart(pattern, at);
        repeatable = false;
        break;
      case ')':
        if (open === 0) throw new Error('unexpected )');
        open -= 1;
        repeatable = true;
        break;
      case '|':
        repeatable = false;
        break;
      case '*':
      case '+':
      case '?':
        if (!repeatable) throw new Error(`nothing to repeat before ${char}`);
        if (pattern.charAt(at) === '?') at += 1;
        repeatable = false;
        break;
      default:
        repeatable = true;
    }
  }
  if (open > 0) throw new Error('missing )');
}

/** `at` is behind the backslash. */
function skipEscape(pattern: string, at: number): number {
  const char = pattern.charAt(at);
  if (char === '') throw new Error('trailing backslash');
  if (char >= '1' && char <= '9') throw new Error('back references are not supported');
  if (char === 'Q') {
    const end = pattern.indexOf('\\E', at + 1);
    return end === -1 ? pattern.length : end + 2;
  }
  return at + 1;
}

/** `at` is behind the `[`. A `]` in first place is a member. */
function skipClass(pattern: string, at: number): number {
  let next = at;
  if (pattern.charAt(next) === '^') next += 1;
  if (pattern.charAt(next) === ']') next += 1;
  for (;;) {
    const char = pattern.charAt(next);
    if (char === '') throw new Error('missing ]');
    if (char === ']') return next + 1;
    if (char === '\\') next = skipEscape(pattern, next + 1);
    else next += namedClassLength(pattern, next) || 1;
  }
}

/** Of `[:alpha:]` inside a class; 0 when there is none. */
function namedClassLength(pattern: string, at: number): number {
  const named = /\[:\^?[a-z]+:\]/y;
  named.lastIndex = at;
  return named.test(pattern) ? named.lastIndex - at : 0;
}

/** `at` is behind the `(`. */
function skipGroupStart(pattern: string, at: number): number {
  if (pattern.charAt(at) !== '?') return at;
  if (/^\?<?[=!]/.test(pattern.slice(at, at + 3))) throw new Error('look-around is not supported');
  const start = /\?(?:P?<[\p{L}\p{Nd}_]+>|[imsU]*(?:-[imsU]+)?[:)])/uy;
  start.lastIndex = at;
  if (!start.test(pattern)) throw new Error('unknown group (?');
  // The bracket of `(?i)` closes the group and is counted where it stands.
  return pattern.charAt(start.lastIndex - 1) === ')' ? start.lastIndex - 1 : start.lastIndex;
}
