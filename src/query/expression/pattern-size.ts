/**
 * How large the automaton of a regular expression gets, about, without making it: counted repetition (`a{1000}`) makes
 * patterns of a few bytes as large as books. At most four times too large or too small; does not say whether the pattern is valid.
 */
export function patternSize(pattern: string): number {
  /** Sizes in front of the groups that are open. */
  const outer: number[] = [];
  let size = 0;
  let last = 0;
  const add = (atom: number): void => {
    last = atom;
    size += atom;
  };
  for (let i = 0; i < pattern.length; i++) {
    switch (pattern[i]) {
      case '\\':
        i += escapeLength(pattern, i + 1);
        add(1);
        break;
      case '[':
        i = classEnd(pattern, i);
        add(1);
        break;
      case '(':
        outer.push(size);
        size = 0;
        break;
      case ')': {
        const group = size + 2;
        size = outer.pop() ?? 0;
        add(group);
        break;
      }
      case '{': {
        repetition.lastIndex = i;
        const counts = repetition.exec(pattern);
        if (counts === null) {
          add(1);
          break;
        }
        const times = Math.max(1, Number(counts[1]), Number(counts[2] ?? 0));
        size += last * (times - 1);
        last *= times;
        i += counts[0].length - 1;
        break;
      }
      default:
        add(1);
    }
  }
  for (const before of outer) size += before;
  return size;
}

const repetition = /\{(\d+)(?:,(\d*))?\}/y;
/** `\pL`, `\p{Greek}`, `\x{10FFFF}`, `\n`; behind the backslash. */
const escapeForm = /[pPx]\{[^}]*\}|[pP]?./suy;

function escapeLength(pattern: string, at: number): number {
  escapeForm.lastIndex = at;
  return escapeForm.exec(pattern)?.[0].length ?? 0;
}

/** Index of the bracket that closes the class at `start`. */
function classEnd(pattern: string, start: number): number {
  let i = start + 1;
  if (pattern[i] === '^') i++;
  // A bracket that comes first stands for itself.
  if (pattern[i] === ']') i++;
  for (; i < pattern.length && pattern[i] !== ']'; i++) {
    if (pattern[i] === '\\') i++;
    else if (pattern.startsWith('[:', i)) i = Math.max(i, pattern.indexOf(':]', i) + 1);
  }
  return i;
}
