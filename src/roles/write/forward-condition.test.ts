import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RubatoError } from '../../base/errors.ts';
import type { AnyValue } from '../../model/any-value.ts';
import { type PlainEvent, plainResource, plainScope, plainSpan } from '../../model/plain-span.ts';
import { type ConditionScope, parseCondition } from './forward-condition.ts';

const string = (value: string): AnyValue => ({ type: 'string', value });
const event: PlainEvent = {
  timeUnixNano: 7n,
  name: 'exception',
  attributes: [{ key: 'handled', value: { type: 'bool', value: true } }],
  droppedAttributesCount: 0,
};
const span = plainSpan({
  traceId: '0102030405060708090a0b0c0d0e0f10',
  spanId: '1112131415161718',
  name: 'GET /health',
  kind: 2,
  statusCode: 2,
  startTimeUnixNano: 1_795_507_201_000_000_001n,
  attributes: [
    { key: 'http.route', value: string('/health') },
    { key: 'http.status_code', value: { type: 'int', value: 503n } },
    { key: 'ratio', value: { type: 'double', value: 0.5 } },
    { key: 'cached', value: { type: 'bool', value: false } },
    { key: 'quote"d', value: string('a\nb') },
  ],
  events: [event],
  resource: plainResource({ attributes: [{ key: 'service.name', value: string('shop') }] }),
  scope: plainScope({ name: 'lib', version: '1.2' }),
});

const met = (text: string, scope: ConditionScope = 'span'): boolean =>
  parseCondition(text, scope)(span, scope === 'span' ? undefined : event);

for (const text of [
  'attributes["http.route"] == "/health"',
  'attributes["http.route"] != "/"',
  'span.attributes["http.status_code"] >= 500',
  'attributes["http.status_code"] == 503.0',
  'attributes["ratio"] < 1',
  'attributes["ratio"] == 0.5',
  'attributes["cached"] == false',
  'attributes["none"] == nil',
  'attributes["http.route"] != nil',
  'attributes["quote\\"d"] == "a\\nb"',
  'resource.attributes["service.name"] == "shop"',
  'instrumentation_scope.name == "lib" and scope.version == "1.2"',
  'name == "GET /health"',
  'kind == SPAN_KIND_SERVER and kind == 2 and kind.string == "Server"',
  'status.code == STATUS_CODE_ERROR',
  'trace_id.string == "0102030405060708090a0b0c0d0e0f10"',
  'start_time_unix_nano == 1795507201000000001',
  'start_time_unix_nano != 1795507201000000000',
  'IsMatch(name, "^GET .*h$")',
  'IsMatch(attributes["http.status_code"], "5..")',
  'HasPrefix(name, "GET") and HasSuffix(name, "health")',
  'not IsMatch(attributes["none"], ".*")',
  'not (kind == 1 or kind == 3)',
  'kind == 1 or kind == 2 and status.code == 2',
  'true and not false',
  '"a" < "b"',
]) {
  test(`holds: ${text}`, () => assert.equal(met(text), true));
}

for (const text of [
  'attributes["http.status_code"] == "503"',
  'attributes["http.status_code"] < "a"',
  'attributes["http.status_code"] >= "a"',
  'attributes["none"] > 1',
  '(kind == 1 or kind == 2) and status.code == 1',
  'attributes["cached"] == nil',
  'IsMatch(name, "^health")',
]) {
  test(`does not hold: ${text}`, () => assert.equal(met(text), false));
}

test('conditions about events see the event first, and the span by its name', () => {
  assert.equal(met('name == "exception" and attributes["handled"] == true', 'spanevent'), true);
  assert.equal(met('spanevent.name == "exception" and span.name == "GET /health"', 'spanevent'), true);
  assert.equal(met('resource.attributes["service.name"] == "shop" and time_unix_nano == 7', 'spanevent'), true);
  assert.equal(met('attributes["http.route"] != nil', 'spanevent'), false);
});

for (const [text, scope, reason] of [
  ['', 'span', /expected a value at 0, found the end/],
  ['name', 'span', /expected a comparison at 4/],
  ['name = "a"', 'span', /unexpected character at 4/],
  ['name == "a', 'span', /unexpected character at 7/],
  ['nam == "a"', 'span', /unknown path nam/],
  ['toString == "a"', 'span', /unknown path toString/],
  ['spanevent.name == "a"', 'span', /not known of spans/],
  ['status.code == 2', 'spanevent', /unknown path status\.code/],
  ['name["a"] == "b"', 'span', /name has no keys/],
  ['attributes[1] == "b"', 'span', /expected a key in quotes at 11/],
  ['attributes == "b"', 'span', /unknown path attributes/],
  ['Len(name) == 2', 'span', /unknown function Len/],
  ['IsMatch(name, "(")', 'span', /missing closing \)/],
  ['name == "a" name', 'span', /expected an operator or the end at 12/],
  ['(name == "a"', 'span', /expected "\)"/],
  [`${'('.repeat(60)}true${')'.repeat(60)}`, 'span', /nested too deep/],
] as const) {
  test(`is refused, with its text: ${text.slice(0, 40)}`, () => {
    assert.throws(
      () => parseCondition(text, scope),
      (error) =>
        error instanceof RubatoError &&
        error.kind === 'config' &&
        error.message.startsWith(`cannot parse the condition ${text}: `) &&
        reason.test(error.message),
    );
  });
}
