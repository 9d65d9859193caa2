/** String literals with Go's rules (https://go.dev/ref/spec#String_literals), and attribute names. */

const simpleEscapes: ReadonlyMap<string, number> = new Map([
  ['a', 7],
  ['b', 8],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
  ['v', 11],
  ['\\', 92],
  ['"', 34],
]);

const numericEscape = /x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})/y;

/**
 * The value of what stands between double quotes, or undefined when an escape is not one of Go's.
 * `\xNN` and `\NNN` are bytes; those that do not form UTF-8 become U+FFFD.
 */
export function unescapeString(body: string): string | undefined {
  if (!body.includes('\\')) return body;
  let value = '';
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length > 0) value += new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes));
    bytes = [];
  };
  let at = 0;
  while (at < body.length) {
    const next = body.indexOf('\\', at);
    if (next !== at) {
      flush();
      value += body.slice(at, next === -1 ? body.length : next);
      if (next === -1) break;
    }
    at = next + 1;
    const simple = simpleEscapes.get(body.charAt(at));
    if (simple !== undefined) {
      flush();
      value += String.fromCharCode(simple);
      at += 1;
      continue;
    }
    numericEscape.lastIndex = at;
    const match = numericEscape.exec(body);
    if (match === null) return undefined;
    at = numericEscape.lastIndex;
    const codePoint = match[2] ?? match[3];
    if (codePoint !== undefined) {
      const code = Number.parseInt(codePoint, 16);
      if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
      flush();
      value += String.fromCodePoint(code);
    } else {
      const byte = match[1] !== undefined ? Number.parseInt(match[1], 16) : Number.parseInt(match[4]!, 8);
      if (byte > 0xff) return undefined;
      bytes.push(byte);
    }
  }
  flush();
  return value;
}

/** A literal that reads back as `value`. Backquotes where they can hold it, as Tempo writes them. */
export function quoteString(value: string): string {
  return /[`\r]/.test(value) ? `"${escapeString(value)}"` : `\`${value}\``;
}

function escapeString(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to be escaped
  return value.replace(/[\\"\u0000-\u001f\u007f]/g, (char) => {
    if (char === '\\' || char === '"') return `\\${char}`;
    if (char === '\n') return '\\n';
    if (char === '\r') return '\\r';
    if (char === '\t') return '\\t';
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

/** What ends an unquoted attribute name: white space or one of `{ } ( ) = ~ ! < > & | ^ ,`. A quote starts a quoted part. */
const nameEnd = /[\s\u0085{}()=~!<>&|^,]/;

/** Characters that cannot stand in an unquoted name. */
const needsQuotes = /[\s\u0085{}()=~!<>&|^,"\\]/;

export function isNameEnd(char: string): boolean {
  return nameEnd.test(char);
}

/** The name, quoted when it could not be read back without. Inside quotes only `\"` and `\\` are escapes. */
export function quoteName(name: string): string {
  if (name !== '' && !needsQuotes.test(name)) return name;
  return `"${name.replace(/[\\"]/g, '\\$&')}"`;
}
