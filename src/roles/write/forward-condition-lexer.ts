/** Words of the conditions in `forward-condition.ts`. */

export interface Token {
  /** `word`: a name, with its dots. */
  readonly kind: 'word' | 'string' | 'number' | 'operator' | 'mark' | 'end';
  /** Of a string: without quotes and escapes. */
  readonly text: string;
  /** Where it begins, from 0. */
  readonly at: number;
}

const pattern =
  /\s*(?:(?<word>[A-Za-z_][A-Za-z0-9_.]*)|(?<string>"(?:[^"\\]|\\.)*")|(?<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<operator>[=!<>]=|[<>])|(?<mark>[()[\],]))/suy;

/** Ends with a token of kind `end`. @throws Error that says where */
export function lexCondition(text: string): Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  pattern.lastIndex = 0;
  while (pattern.lastIndex < end) {
    const from = pattern.lastIndex;
    const match = pattern.exec(text);
    if (match === null) throw new Error(`unexpected character at ${from}`);
    const [kind, found] = Object.entries(match.groups!).find(([, part]) => part !== undefined) as [
      Token['kind'],
      string,
    ];
    const at = pattern.lastIndex - found.length;
    tokens.push({ kind, text: kind === 'string' ? unquote(found) : found, at });
  }
  tokens.push({ kind: 'end', text: '', at: end });
  return tokens;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

function unquote(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(.)/gsu, (_whole, char: string) => escapes[char] ?? char);
}
