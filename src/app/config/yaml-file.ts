/** A YAML file checked against a schema: plain values out, or an error that names the line of every mistake. */
import { isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { ErrorKind, RubatoError } from '../../base/errors.ts';

export function configError(message: string, cause?: unknown): RubatoError {
  return new RubatoError(ErrorKind.config, 'bad_config', message, cause);
}

/** Anchors may be used; this bounds how much a file can grow by them. */
const aliasesMax = 100;

export class YamlFile {
  readonly #name: string;
  readonly #lines = new LineCounter();
  readonly #document: ReturnType<typeof parseDocument>;
  /** The mapping that the file holds; empty for an empty file. May be changed before it is checked. */
  readonly content: Record<string, unknown>;

  /** @param name of the file, for messages. @throws RubatoError config */
  constructor(text: string, name: string) {
    this.#name = name;
    this.#document = parseDocument(text, { lineCounter: this.#lines, uniqueKeys: true });
    const { errors } = this.#document;
    if (errors.length > 0) {
      throw configError(errors.map((error) => `${name}: ${error.message.split('\n', 1)[0]}`).join('\n'));
    }
    const content = this.#values() ?? {};
    if (!isMapping(content)) throw configError(`${name}: the file must hold a mapping of keys`);
    this.content = content;
  }

  #values(): unknown {
    try {
      return this.#document.toJS({ maxAliasCount: aliasesMax });
    } catch (error) {
      // An alias without its anchor, or too many of them.
      throw configError(`${this.#name}: ${(error as Error).message}`, error);
    }
  }

  /** @throws RubatoError config: one line per mistake */
  check<Schema extends z.ZodType>(schema: Schema): z.output<Schema> {
    const parsed = schema.safeParse(this.content);
    if (parsed.success) return parsed.data;
    const mistakes = parsed.error.issues.flatMap((issue) => {
      const { path } = issue;
      if (issue.code === 'unrecognized_keys')
        return issue.keys.map((key) => `${this.#at([...path, key])}: unknown key ${[...path, key].join('.')}`);
      const message = issue.code === 'invalid_key' ? issue.issues[0]!.message : issue.message;
      return [`${this.#at(path)}: ${path.join('.')}: ${message}`];
    });
    throw configError(mistakes.join('\n'), parsed.error);
  }

  /** Line of the innermost key of the path that stands in the file. */
  lineOf(path: readonly PropertyKey[]): number | undefined {
    for (let length = path.length; length > 0; length--) {
      const parent: unknown =
        length === 1 ? this.#document.contents : this.#document.getIn(path.slice(0, length - 1), true);
      const items = (parent as { items?: { key: unknown }[] } | undefined)?.items;
      const pair = items?.find((item) => isScalar(item.key) && item.key.value === path[length - 1]);
      const range = isScalar(pair?.key) ? pair.key.range : undefined;
      if (range) return this.#lines.linePos(range[0]).line;
    }
    return undefined;
  }

  #at(path: readonly PropertyKey[]): string {
    const line = this.lineOf(path);
    return line === undefined ? this.#name : `${this.#name}:${line}`;
  }
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
