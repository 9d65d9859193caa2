/**
 * Conditions over spans and span events in the part of OTTL that filters are written in: comparisons of paths and
 * literals, `IsMatch`, `HasPrefix`, `HasSuffix`, `and`, `or`, `not`, parentheses.
 * https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/pkg/ottl
 *
 *   or   := and ('or' and)*             test := '(' or ')' | call | 'true' | 'false' | value op value
 *   and  := not ('and' not)*            op   := '==' | '!=' | '<' | '<=' | '>' | '>='
 *   not  := 'not' not | test            value := path | string | number | 'true' | 'false' | 'nil' | NAME_OF_AN_ENUM
 *
 * A path stands alone (`name`: of the event where the condition is about events) or behind `span.`, `spanevent.`,
 * `resource.`, `instrumentation_scope.`, `scope.`. A missing attribute is nil. Values of different types are unequal and
 * have no order, but ints and doubles compare by number.
 */
import { RE2JS } from 're2js';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import type { AnyValue, KeyValue } from '../../model/any-value.ts';
import type { PlainEvent, PlainSpan } from '../../model/plain-span.ts';
import { lexCondition, type Token } from './forward-condition-lexer.ts';

export type ConditionScope = 'span' | 'spanevent';
/** `event` is given where the condition is about events. */
export type Condition = (span: PlainSpan, event: PlainEvent | undefined) => boolean;

type Value = string | number | bigint | boolean | undefined;
type Read = (span: PlainSpan, event: PlainEvent | undefined) => Value;

/** @throws RubatoError config, naming the condition */
export function parseCondition(text: string, scope: ConditionScope): Condition {
  try {
    return new Parser(lexCondition(text), scope).parse();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RubatoError(ErrorKind.config, 'bad_condition', `cannot parse the condition ${text}: ${reason}`, error);
  }
}

const enums: Readonly<Record<string, number>> = {
  SPAN_KIND_UNSPECIFIED: 0,
  SPAN_KIND_INTERNAL: 1,
  SPAN_KIND_SERVER: 2,
  SPAN_KIND_CLIENT: 3,
  SPAN_KIND_PRODUCER: 4,
  SPAN_KIND_CONSUMER: 5,
  STATUS_CODE_UNSET: 0,
  STATUS_CODE_OK: 1,
  STATUS_CODE_ERROR: 2,
};
const kindNames = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'];

const spanFields: Readonly<Record<string, (span: PlainSpan) => Value>> = {
  name: (span) => span.name,
  kind: (span) => span.kind,
  'kind.string': (span) => kindNames[span.kind],
  'status.code': (span) => span.statusCode,
  'status.message': (span) => span.statusMessage,
  trace_state: (span) => span.traceState,
  'trace_id.string': (span) => span.traceId,
  'span_id.string': (span) => span.spanId,
  'parent_span_id.string': (span) => span.parentSpanId,
  start_time_unix_nano: (span) => span.startTimeUnixNano,
  end_time_unix_nano: (span) => span.endTimeUnixNano,
  dropped_attributes_count: (span) => span.droppedAttributesCount,
  dropped_events_count: (span) => span.droppedEventsCount,
  dropped_links_count: (span) => span.droppedLinksCount,
  'resource.schema_url': (span) => span.resource.schemaUrl,
  'resource.dropped_attributes_count': (span) => span.resource.droppedAttributesCount,
  'scope.name': (span) => span.scope.name,
  'scope.version': (span) => span.scope.version,
  'scope.schema_url': (span) => span.scope.schemaUrl,
};

const eventFields: Readonly<Record<string, (event: PlainEvent) => Value>> = {
  name: (event) => event.name,
  time_unix_nano: (event) => event.timeUnixNano,
  dropped_attributes_count: (event) => event.droppedAttributesCount,
};

type Owner = (span: PlainSpan, event: PlainEvent | undefined) => readonly KeyValue[];
const attributeOwners: Readonly<Record<string, Owner>> = {
  attributes: (span) => span.attributes,
  'resource.attributes': (span) => span.resource.attributes,
  'scope.attributes': (span) => span.scope.attributes,
};

const stringTests: Readonly<Record<string, (pattern: string) => (text: string) => boolean>> = {
  IsMatch: (pattern) => {
    const regex = RE2JS.compile(pattern);
    return (text) => regex.test(text);
  },
  HasPrefix: (prefix) => (text) => text.startsWith(prefix),
  HasSuffix: (suffix) => (text) => text.endsWith(suffix),
};

/** Parentheses and `not` inside each other; a condition is written by an operator. */
const depthMax = 50;

class Parser {
  readonly #tokens: readonly Token[];
  readonly #scope: ConditionScope;
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], scope: ConditionScope) {
    this.#tokens = tokens;
    this.#scope = scope;
  }

  parse(): Condition {
    const condition = this.#or();
    if (this.#token.kind !== 'end') throw this.#unexpected('an operator or the end');
    return condition;
  }

  get #token(): Token {
    return this.#tokens[this.#at]!;
  }

  #or(): Condition {
    let left = this.#and();
    while (this.#takeWord('or')) {
      const a = left;
      const b = this.#and();
      left = (span, event) => a(span, event) || b(span, event);
    }
    return left;
  }

  #and(): Condition {
    let left = this.#not();
    while (this.#takeWord('and')) {
      const a = left;
      const b = this.#not();
      left = (span, event) => a(span, event) && b(span, event);
    }
    return left;
  }

  #not(): Condition {
    if (++this.#depth > depthMax) throw new Error('nested too deep');
    let condition: Condition;
    if (this.#takeWord('not')) {
      const inner = this.#not();
      condition = (span, event) => !inner(span, event);
    } else {
      condition = this.#test();
    }
    this.#depth--;
    return condition;
  }

  #test(): Condition {
    if (this.#takeMark('(')) {
      const inner = this.#or();
      this.#expectMark(')');
      return inner;
    }
    const token = this.#token;
    const next = this.#tokens[this.#at + 1];
    if (token.kind === 'word' && next?.kind === 'mark' && next.text === '(') return this.#call(token.text);
    const left = this.#value();
    const operator = this.#token;
    if (operator.kind !== 'operator') {
      if (token.kind === 'word' && (token.text === 'true' || token.text === 'false'))
        return (span, event) => left(span, event) === true;
      throw this.#unexpected('a comparison');
    }
    this.#at++;
    return comparison(operator.text, left, this.#value());
  }

  #call(name: string): Condition {
    const make = Object.hasOwn(stringTests, name) ? stringTests[name] : undefined;
    if (make === undefined) throw new Error(`unknown function ${name}`);
    this.#at += 2;
    const target = this.#value();
    this.#expectMark(',');
    const pattern = this.#token;
    if (pattern.kind !== 'string') throw this.#unexpected('a string');
    this.#at++;
    this.#expectMark(')');
    const test = make(pattern.text);
    return (span, event) => {
      const value = target(span, event);
      return value !== undefined && test(String(value));
    };
  }

  #value(): Read {
    const token = this.#token;
    this.#at++;
    switch (token.kind) {
      case 'string':
        return constant(token.text);
      case 'number':
        return constant(/^[+-]?\d+$/.test(token.text) ? BigInt(token.text) : Number(token.text));
      case 'word':
        if (token.text === 'nil') return constant(undefined);
        if (token.text === 'true' || token.text === 'false') return constant(token.text === 'true');
        if (Object.hasOwn(enums, token.text)) return constant(enums[token.text]!);
        return this.#path(token.text);
      default:
        this.#at--;
        throw this.#unexpected('a value');
    }
  }

  /** `written`, and a key in brackets where it is of attributes. */
  #path(written: string): Read {
    let path = written.replace(/^instrumentation_scope\./, 'scope.');
    let ofEvent = this.#scope === 'spanevent' && !/^(resource|scope|span)\./.test(path);
    if (path.startsWith('span.')) path = path.slice('span.'.length);
    else if (path.startsWith('spanevent.')) {
      if (this.#scope === 'span') throw new Error(`${written} is not known of spans`);
      path = path.slice('spanevent.'.length);
      ofEvent = true;
    }
    if (this.#takeMark('[')) {
      const key = this.#token;
      if (key.kind !== 'string') throw this.#unexpected('a key in quotes');
      this.#at++;
      this.#expectMark(']');
      const owner: Owner | undefined =
        ofEvent && path === 'attributes'
          ? (_span, event) => event?.attributes ?? []
          : Object.hasOwn(attributeOwners, path)
            ? attributeOwners[path]
            : undefined;
      if (owner === undefined) throw new Error(`${written} has no keys`);
      return (span, event) => attribute(owner(span, event), key.text);
    }
    if (ofEvent && Object.hasOwn(eventFields, path)) {
      const read = eventFields[path]!;
      return (_span, event) => (event === undefined ? undefined : read(event));
    }
    if (ofEvent || !Object.hasOwn(spanFields, path)) throw new Error(`unknown path ${written}`);
    return spanFields[path]!;
  }

  #takeWord(text: string): boolean {
    return this.#take('word', text);
  }

  #takeMark(text: string): boolean {
    return this.#take('mark', text);
  }

  #take(kind: Token['kind'], text: string): boolean {
    if (this.#token.kind !== kind || this.#token.text !== text) return false;
    this.#at++;
    return true;
  }

  #expectMark(text: string): void {
    if (!this.#takeMark(text)) throw this.#unexpected(`"${text}"`);
  }

  #unexpected(wanted: string): Error {
    const { kind, text, at } = this.#token;
    return new Error(`expected ${wanted} at ${at}, found ${kind === 'end' ? 'the end' : `"${text}"`}`);
  }
}

function constant(value: Value): Read {
  return () => value;
}

function attribute(list: readonly KeyValue[], key: string): Value {
  const found = list.find((item) => item.key === key);
  return found === undefined ? undefined : simple(found.value);
}

/** What has no simple form is only known to be there. */
function simple(value: AnyValue): Value {
  switch (value.type) {
    case 'string':
    case 'bool':
    case 'int':
    case 'double':
      return value.value;
    case 'empty':
      return undefined;
    default:
      return `(${value.type})`;
  }
}

function comparison(operator: string, left: Read, right: Read): Condition {
  switch (operator) {
    case '==':
      return (span, event) => equal(left(span, event), right(span, event));
    case '!=':
      return (span, event) => !equal(left(span, event), right(span, event));
    case '<':
      return (span, event) => compare(left(span, event), right(span, event)) < 0;
    case '<=':
      return (span, event) => compare(left(span, event), right(span, event)) <= 0;
    case '>':
      return (span, event) => compare(left(span, event), right(span, event)) > 0;
    default:
      return (span, event) => compare(left(span, event), right(span, event)) >= 0;
  }
}

const isNumber = (value: Value): value is number | bigint => typeof value === 'number' || typeof value === 'bigint';

function equal(a: Value, b: Value): boolean {
  // biome-ignore lint/suspicious/noDoubleEquals: bigints and numbers by their number
  return isNumber(a) && isNumber(b) ? a == b : a === b;
}

/** NaN when there is no order. */
function compare(a: Value, b: Value): number {
  if ((isNumber(a) && isNumber(b)) || (typeof a === 'string' && typeof b === 'string'))
    return a < b ? -1 : a > b ? 1 : equal(a, b) ? 0 : Number.NaN;
  return Number.NaN;
}
