/** Names and values of attributes from the server, for completion and the builder. Asked once a minute at most. */
import type { TagValueJson } from '../../../src/api/contract/index.ts';
import type { AttributeScope } from '../../../src/traceql/ast.ts';
import { printAttribute } from '../../../src/traceql/print.ts';
import { tagNames, tagValues } from '../api/client.ts';
import { tenant } from '../app/tenant.ts';
import { timeRange } from '../app/time-range.ts';
import { literal } from '../base/literal.ts';

export interface AttributeName {
  readonly scope: AttributeScope;
  readonly name: string;
  /** As a query writes it. */
  readonly text: string;
}

export interface AttributeValue {
  /** As a query writes it. */
  readonly text: string;
  readonly shown: string;
}

const keptMs = 60_000;
const valuesMax = 1000;

/** Answers by what was asked; a failed one is forgotten. */
const answers = new Map<string, { readonly untilMs: number; readonly answer: Promise<unknown> }>();

function kept<Shape>(key: string, ask: () => Promise<Shape>): Promise<Shape> {
  const now = Date.now();
  for (const [old, { untilMs }] of answers) if (untilMs < now) answers.delete(old);
  const { fromMs, toMs } = timeRange.peek();
  const full = JSON.stringify([key, tenant.peek(), Math.floor(fromMs / keptMs), Math.floor(toMs / keptMs)]);
  const found = answers.get(full);
  if (found !== undefined) return found.answer as Promise<Shape>;
  const answer = ask();
  answers.set(full, { untilMs: now + keptMs, answer });
  answer.catch(() => answers.delete(full));
  return answer;
}

const scopes: ReadonlySet<string> = new Set(['span', 'resource', 'event', 'link', 'instrumentation']);

export function attributeNames(): Promise<readonly AttributeName[]> {
  return kept('names', async () => {
    const answer = await tagNames({ range: timeRange.peek() });
    return answer.scopes.flatMap(({ name: scope, tags }) =>
      scopes.has(scope)
        ? tags.map((name) => {
            const attribute = { scope: scope as AttributeScope, name };
            const pos = { offset: 0, line: 1, column: 1 };
            return { ...attribute, text: printAttribute({ kind: 'attribute', parent: false, pos, ...attribute }) };
          })
        : [],
    );
  });
}

/** `filter`: only values of spans that match this query. */
export function attributeValues(attribute: string, filter = ''): Promise<readonly AttributeValue[]> {
  return kept(`values ${attribute} ${filter}`, async () => {
    const answer = await tagValues(attribute, { range: timeRange.peek(), q: filter, limit: valuesMax });
    return answer.tagValues.map(attributeValueOf);
  });
}

function attributeValueOf({ type, value = '' }: TagValueJson): AttributeValue {
  return { text: type === 'string' ? literal(value) : value, shown: value };
}
