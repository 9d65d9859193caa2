import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FieldExpression, PipelineStage, Static } from './ast.ts';
import { TraceQLError } from './error.ts';
import { parseAttribute, parseQuery, queryLengthMax } from './parser.ts';
import { printExpression } from './print.ts';
import { stripPositions } from './testing/strip-positions.ts';
import { queryDepthMax } from './token-reader.ts';

function expression(text: string): FieldExpression {
  const stage = parseQuery(`{ ${text} }`).pipeline.stages[0]!;
  assert.equal(stage.kind, 'spansetFilter');
  return stage.expression;
}

function literal(text: string): Static {
  const node = expression(text);
  assert.equal(node.kind, 'static', text);
  return node.static;
}

function same(left: string, right: string): void {
  assert.deepEqual(stripPositions(parseQuery(left)), stripPositions(parseQuery(right)));
}

test('operators bind as in Tempo', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['.a || .b && .c', '(.a || .b) && .c'],
    ['.a && .b || .c', '(.a && .b) || .c'],
    ['.a = 1 && .b = 2', '(.a = 1) && (.b = 2)'],
    ['.a + .b * .c - .d', '(.a + (.b * .c)) - .d'],
    ['.a - .b - .c', '(.a - .b) - .c'],
    ['.a ^ .b ^ .c', '.a ^ (.b ^ .c)'],
    ['-.a * .b', '-(.a * .b)'],
    ['-.a + .b', '(-.a) + .b'],
    ['.a * -.b * .c + .d', '(.a * (-(.b * .c))) + .d'],
    ['-2 ^ 2 = 4', '(-(2 ^ 2)) = 4'],
    ['!.a = .b', '(!.a) = .b'],
    ['!.a * .b', '!(.a * .b)'],
    ['!.a + .b', '(!.a) + .b'],
    ['! -.a = 1', '(!(-.a)) = 1'],
    ['.a = .b = .c', '(.a = .b) = .c'],
    ['.a =~ "x" = true', '(.a =~ `x`) = true'],
  ];
  for (const [text, grouped] of cases) assert.equal(printExpression(expression(text)), grouped);
});

test('structural operators bind tighter than && and ||, all from the left', () => {
  same('{ .a } || { .b } && { .c }', '({ .a } || { .b }) && { .c }');
  same('{ .a } && { .b } >> { .c }', '{ .a } && ({ .b } >> { .c })');
  same('{ .a } > { .b } < { .c }', '({ .a } > { .b }) < { .c }');
});

test('attribute names run to white space or an operator', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['.a-b', 'none', 'a-b'],
    ['span.a.b/c:d', 'span', 'a.b/c:d'],
    ['resource."a b"', 'resource', 'a b'],
    ['event.x"y z".w', 'event', 'xy z.w'],
    ['."a\\"b\\\\"', 'none', 'a"b\\'],
    ['instrumentation.1', 'instrumentation', '1'],
    ['link.span.x', 'link', 'span.x'],
  ];
  for (const [text, scope, name] of cases) {
    const { pos, ...node } = parseAttribute(text);
    assert.deepEqual(node, { kind: 'attribute', scope, parent: false, name });
    assert.equal(pos.offset, 0);
  }
  same('{.a=1}', '{ .a = 1 }');
  same('{ .a<.b }', '{ .a < .b }');
});

test('parent is a prefix with a scope of its own, and an intrinsic', () => {
  assert.deepEqual(stripPositions(parseAttribute('parent.resource.x')), {
    ...stripPositions(parseAttribute('resource.x')),
    parent: true,
  });
  assert.equal(parseAttribute('parent.event.x').kind, 'attribute');
  assert.equal(parseAttribute('parent').kind, 'intrinsic');
});

test('intrinsics keep the form they were written in', () => {
  for (const [text, intrinsic] of [
    ['duration', 'span:duration'],
    ['span:duration', 'span:duration'],
    ['rootServiceName', 'trace:rootService'],
    ['nestedSetParent', 'nestedSetParent'],
    ['event: name', 'event:name'],
  ] as const)
    assert.deepEqual(
      stripPositions(parseAttribute(text)),
      stripPositions({ ...parseAttribute(intrinsic), text: text.replace(' ', '') }),
    );
});

test('tag names that are none are refused with the place', () => {
  for (const [text, message] of [
    [
      'service.name',
      'failed to parse identifier service.name: parse error at line 1, col 1: unknown identifier: service',
    ],
    [
      'span.',
      'failed to parse identifier span.: parse error at line 1, col 1: syntax error: unexpected end of attribute, expecting a name after span.',
    ],
    [
      '',
      'failed to parse identifier : parse error at line 1, col 1: syntax error: unexpected end of query, expecting an attribute such as span.name or .name',
    ],
    [
      '.a = 1',
      'failed to parse identifier .a = 1: parse error at line 1, col 4: syntax error: unexpected =, expecting the end of the name',
    ],
  ] as const)
    assert.throws(() => parseAttribute(text), { name: 'TraceQLError', kind: 'invalid', message });
});

test('literals have the type and value of their text', () => {
  assert.deepEqual(literal('12'), { type: 'int', value: 12n });
  assert.deepEqual(literal('-12'), { type: 'int', value: -12n });
  assert.deepEqual(literal('--12'), { type: 'int', value: 12n });
  assert.deepEqual(literal('maxInt'), { type: 'int', value: 9223372036854775807n });
  assert.deepEqual(literal('minInt'), { type: 'int', value: -9223372036854775808n });
  assert.equal(expression('-minInt').kind, 'unary');
  assert.deepEqual(literal('.5'), { type: 'float', value: 0.5 });
  assert.deepEqual(literal('-1.5e-3'), { type: 'float', value: -0.0015 });
  assert.deepEqual(literal('1h30m'), { type: 'duration', value: 5400e9 });
  assert.deepEqual(literal('0.01m'), { type: 'duration', value: 600e6 });
  assert.deepEqual(literal('1d'), { type: 'duration', value: 86_400e9 });
  assert.deepEqual(literal('10µs'), { type: 'duration', value: 10_000 });
  assert.deepEqual(literal('"nil"'), { type: 'string', value: 'nil' });
  assert.deepEqual(literal('"a\\n\\x41\\101\\u00e9\\U0001f600\\xc3\\xa9\\xff"'), {
    type: 'string',
    value: 'a\nAAé😀é\ufffd',
  });
  assert.deepEqual(literal('`a\\n\n"`'), { type: 'string', value: 'a\\n\n"' });
  assert.deepEqual(literal('server'), { type: 'kind', value: 'server' });
  assert.deepEqual(literal('unset'), { type: 'status', value: 'unset' });
});

test('comments and line breaks stand anywhere between tokens', () => {
  same('// x\n{ /* } */ .a /**/ = // 2\n 1 }', '{ .a = 1 }');
  assert.throws(() => parseQuery('{ .a = 1 &&\n\n  # }'), { name: 'TraceQLError', line: 3, column: 3, offset: 15 });
  assert.throws(() => parseQuery('{ .a = `\n` }\n/*\n*/ x'), { line: 4, column: 4 });
});

test('a pipeline in parentheses is the pipeline', () => {
  same('({ } | count() > 1)', '{ } | count() > 1');
  same('((by(name)))', 'by(name)');
});

test('metrics stages keep their order and give durations in seconds', () => {
  const query = parseQuery('{ } | rate() by (name) >= 10ms | topk(2) < -1.5 | bottomk(1)');
  assert.deepEqual(
    query.secondStages.map(({ pos, ...stage }) => stage),
    [
      { kind: 'metricsFilter', op: '>=', value: 0.01 },
      { kind: 'topk', limit: 2 },
      { kind: 'metricsFilter', op: '<', value: -1.5 },
      { kind: 'bottomk', limit: 1 },
    ],
  );
  assert.equal(query.metrics?.kind, 'metricsAggregate');
});

test('deep nesting is an error, not a stack overflow', () => {
  const deep = 20_000;
  const texts = [
    `{ ${'('.repeat(deep)}.a${')'.repeat(deep)} }`,
    `{ ${'!'.repeat(deep)}.a }`,
    `{ ${'-'.repeat(deep)}.a = 1 }`,
    `{ 1${' ^ 1'.repeat(deep)} = 1 }`,
    `{ 1${' + 1'.repeat(deep)} = 1 }`,
    `{ .a${' && .b || .c'.repeat(deep / 2)} }`,
    `${'('.repeat(deep)}{ }${')'.repeat(deep)}`,
    `{ }${' > { }'.repeat(deep)}`,
    `count()${' ^ count()'.repeat(deep)} > 1`,
    `count()${' + count()'.repeat(deep)} > 1`,
  ];
  for (const text of texts)
    assert.throws(
      () => parseQuery(text),
      (error) => error instanceof TraceQLError && /more than 1000/.test(error.message),
      text.slice(0, 20),
    );
  const ok = queryDepthMax / 2;
  parseQuery(`{ ${'('.repeat(ok)}.a${')'.repeat(ok)} }`);
});

test('long lists of alternatives stay shallow', () => {
  const alternatives = Array.from({ length: 20_000 }, (_, index) => `.a = ${index}`).join(' || ');
  let depth = 0;
  const walk = (node: FieldExpression, level: number): number => {
    depth = Math.max(depth, level);
    if (node.kind !== 'binary' || node.op !== '||') return 1;
    return walk(node.lhs, level + 1) + walk(node.rhs, level + 1);
  };
  assert.equal(walk(expression(alternatives), 1), 20_000);
  assert.ok(depth < 20, `${depth}`);
  const spansets = parseQuery(Array.from({ length: 5_000 }, () => '{ .a }').join(' || ')).pipeline.stages;
  assert.equal(spansets.length, 1);
});

test('long pipelines are flat', () => {
  const stages: readonly PipelineStage[] = parseQuery(`{ }${' | { .a }'.repeat(10_000)}`).pipeline.stages;
  assert.equal(stages.length, 10_001);
});

test('queries beyond the length limit are refused unread', () => {
  assert.throws(() => parseQuery(' '.repeat(queryLengthMax + 1)), /longer than/);
});
