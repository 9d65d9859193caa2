/**
 * The `tags` parameter of a search: `service.name=checkout db.query.text="GET pricing:4"`. Pairs stand between blanks;
 * a value may be quoted, with the escapes of JSON; a key without `=` has an empty value.
 */
import { invalid } from '../../base/errors.ts';

export interface TagPair {
  readonly key: string;
  readonly value: string;
}

/** @throws RubatoError with the 1-based position of what cannot be read. */
export function parseTags(text: string): TagPair[] {
  const pairs: TagPair[] = [];
  let at = 0;
  while (at < text.length) {
    if (isBlank(text, at)) {
      at++;
      continue;
    }
    const keyStart = at;
    while (at < text.length && !isBlank(text, at) && text[at] !== '=' && text[at] !== '"') at++;
    const key = text.slice(keyStart, at);
    if (key === '') throw syntaxError(`unexpected '${text[at]}'`, at);
    if (text[at] === '"') throw syntaxError(`unexpected '"'`, at);
    let value = '';
    if (text[at] === '=') {
      at++;
      const quoted = text[at] === '"' ? quotedAt(text, at) : undefined;
      const end = quoted?.end ?? bareEnd(text, at);
      value = quoted?.value ?? text.slice(at, end);
      at = end;
    }
    if (pairs.some((pair) => pair.key === key))
      throw invalid('bad_tags', `invalid tags: tag ${key} has been set twice`);
    pairs.push({ key, value });
  }
  return pairs;
}

function isBlank(text: string, at: number): boolean {
  return text.charCodeAt(at) <= 0x20;
}

function bareEnd(text: string, start: number): number {
  let at = start;
  for (; at < text.length && !isBlank(text, at); at++)
    if (text[at] === '=' || text[at] === '"') throw syntaxError(`unexpected '${text[at]}'`, at);
  return at;
}

function quotedAt(text: string, start: number): { value: string; end: number } {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') {
      const end = at + 1;
      try {
        return { value: JSON.parse(text.slice(start, end)) as string, end };
      } catch {
        throw syntaxError('invalid quoted value', end - 1);
      }
    }
  }
  throw syntaxError('unterminated quoted value', text.length);
}

function syntaxError(what: string, at: number): Error {
  return invalid('bad_tags', `invalid tags: ${what} at pos ${at + 1}`);
}
