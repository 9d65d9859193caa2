import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RubatoError } from '../base/errors.ts';
import { compileRelabelRules, publicLabels, type RelabelConfig, relabel } from './relabel.ts';

type Plain = Readonly<Record<string, string>>;

function run(labels: Plain, configs: readonly RelabelConfig[]): Plain | undefined {
  const changed = relabel(new Map(Object.entries(labels)), compileRelabelRules(configs));
  return changed && Object.fromEntries(changed);
}

interface Example {
  readonly name: string;
  readonly labels: Plain;
  readonly rules: readonly RelabelConfig[];
  /** undefined: dropped. */
  readonly gives: Plain | undefined;
}

/** The behaviours that Prometheus's documentation of relabel_config describes, and what they mean at the edges. */
const examples: readonly Example[] = [
  {
    name: 'replace takes the whole of the source labels joined by ; and $1 by default',
    labels: { a: 'foo', b: 'bar' },
    rules: [{ source_labels: ['a', 'b'], target_label: 'joined' }],
    gives: { a: 'foo', b: 'bar', joined: 'foo;bar' },
  },
  {
    name: 'the usual rule that puts the port of an annotation into the address',
    labels: { __address__: '10.0.0.1:80', __meta_kubernetes_pod_annotation_prometheus_io_port: '9102' },
    rules: [
      {
        source_labels: ['__address__', '__meta_kubernetes_pod_annotation_prometheus_io_port'],
        regex: '([^:]+)(?::\\d+)?;(\\d+)',
        replacement: '$1:$2',
        target_label: '__address__',
      },
    ],
    gives: { __address__: '10.0.0.1:9102', __meta_kubernetes_pod_annotation_prometheus_io_port: '9102' },
  },
  {
    name: 'without a match replace changes nothing',
    labels: { a: 'foo' },
    rules: [{ source_labels: ['a'], regex: 'f', target_label: 'b', replacement: 'hit' }],
    gives: { a: 'foo' },
  },
  {
    name: 'an expression matches the whole value, alternatives included',
    labels: { a: 'xfoo' },
    rules: [{ source_labels: ['a'], regex: 'foo|bar', action: 'keep' }],
    gives: undefined,
  },
  {
    name: 'an empty replacement removes the label',
    labels: { a: 'foo', b: 'bar' },
    rules: [{ source_labels: ['a'], regex: 'foo', target_label: 'b', replacement: '' }],
    gives: { a: 'foo' },
  },
  {
    name: 'replace without source labels sets a constant',
    labels: { a: 'foo' },
    rules: [{ target_label: 'cluster', replacement: 'eu-1' }],
    gives: { a: 'foo', cluster: 'eu-1' },
  },
  {
    name: 'the target label may be made of groups',
    labels: { a: 'env-prod' },
    rules: [{ source_labels: ['a'], regex: '(\\w+)-(\\w+)', target_label: 'x_${1}', replacement: '${2}' }],
    gives: { a: 'env-prod', x_env: 'prod' },
  },
  {
    name: 'a target label that groups make invalid is not set',
    labels: { a: 'some value' },
    rules: [{ source_labels: ['a'], target_label: '${1}' }],
    gives: { a: 'some value' },
  },
  {
    name: '$1x is the group called 1x, ${1}x is group 1 and an x, $$ a dollar',
    labels: { a: 'v' },
    rules: [
      { source_labels: ['a'], regex: '(v)', target_label: 'b', replacement: '<$1x>' },
      { source_labels: ['a'], regex: '(v)', target_label: 'c', replacement: '${1}x$$$9$' },
      { source_labels: ['a'], regex: '(?P<letter>v)', target_label: 'd', replacement: '$letter$nobody' },
    ],
    gives: { a: 'v', b: '<>', c: 'vx$$', d: 'v' },
  },
  {
    name: 'a dot matches line ends',
    labels: { a: 'one\ntwo' },
    rules: [{ source_labels: ['a'], target_label: 'b' }],
    gives: { a: 'one\ntwo', b: 'one\ntwo' },
  },
  {
    name: 'keep keeps what matches',
    labels: { a: 'foo' },
    rules: [{ source_labels: ['a'], regex: 'fo+', action: 'keep' }],
    gives: { a: 'foo' },
  },
  {
    name: 'drop drops what matches, and later rules are not asked',
    labels: { a: 'foo' },
    rules: [
      { source_labels: ['a'], regex: '.*o.*', action: 'drop' },
      { target_label: 'b', replacement: 'x' },
    ],
    gives: undefined,
  },
  {
    name: 'drop with a source label that is not there sees the empty value',
    labels: { a: 'foo' },
    rules: [{ source_labels: ['missing'], regex: '', action: 'drop' }],
    gives: undefined,
  },
  {
    name: 'labelmap copies values under the new name and keeps the old',
    labels: { __meta_kubernetes_pod_label_app: 'shop', __meta_kubernetes_pod_label_tier: 'web' },
    rules: [{ action: 'labelmap', regex: '__meta_kubernetes_pod_label_(.+)' }],
    gives: {
      __meta_kubernetes_pod_label_app: 'shop',
      __meta_kubernetes_pod_label_tier: 'web',
      app: 'shop',
      tier: 'web',
    },
  },
  {
    name: 'labelmap with a replacement',
    labels: { meta_a: '1', meta_ab: '2' },
    rules: [{ action: 'labelmap', regex: 'meta_(.+)', replacement: 'x_$1' }],
    gives: { meta_a: '1', meta_ab: '2', x_a: '1', x_ab: '2' },
  },
  {
    name: 'labeldrop drops the labels whose name matches',
    labels: { a: '1', ab: '2', b: '3' },
    rules: [{ action: 'labeldrop', regex: 'a.*' }],
    gives: { b: '3' },
  },
  {
    name: 'labelkeep keeps only the labels whose name matches',
    labels: { a: '1', ab: '2', b: '3' },
    rules: [{ action: 'labelkeep', regex: 'a' }],
    gives: { a: '1' },
  },
  {
    name: 'lowercase and uppercase',
    labels: { a: 'Foo', b: 'Bär' },
    rules: [
      { action: 'lowercase', source_labels: ['a'], target_label: 'low' },
      { action: 'uppercase', source_labels: ['a', 'b'], separator: '-', target_label: 'up' },
    ],
    gives: { a: 'Foo', b: 'Bär', low: 'foo', up: 'FOO-BÄR' },
  },
  {
    name: 'keepequal keeps a target whose two values are equal',
    labels: { __tmp_port: '1234', __port1: '1234' },
    rules: [{ action: 'keepequal', source_labels: ['__tmp_port'], target_label: '__port1' }],
    gives: { __tmp_port: '1234', __port1: '1234' },
  },
  {
    name: 'keepequal drops the others',
    labels: { __tmp_port: '1234', __port1: '5678' },
    rules: [{ action: 'keepequal', source_labels: ['__tmp_port'], target_label: '__port1' }],
    gives: undefined,
  },
  {
    name: 'dropequal drops a target whose two values are equal',
    labels: { __tmp_port: '1234', __port1: '1234' },
    rules: [{ action: 'dropequal', source_labels: ['__tmp_port'], target_label: '__port1' }],
    gives: undefined,
  },
  {
    name: 'dropequal keeps the others',
    labels: { __tmp_port: '1234', __port1: '5678' },
    rules: [{ action: 'dropequal', source_labels: ['__tmp_port'], target_label: '__port1' }],
    gives: { __tmp_port: '1234', __port1: '5678' },
  },
  {
    name: 'empty labels are labels that are not there',
    labels: { a: '', b: 'x' },
    rules: [],
    gives: { b: 'x' },
  },
];

for (const { name, labels, rules, gives } of examples) {
  test(name, () => assert.deepEqual(run(labels, rules), gives));
}

test('hashmod is the last eight bytes of MD5 modulo the modulus', () => {
  // Values of Prometheus's own test suite.
  for (const [value, hash] of [
    ['baz', '976'],
    ['foo\nbar', '734'],
  ] as const) {
    const rules: RelabelConfig[] = [{ action: 'hashmod', source_labels: ['a'], target_label: 'd', modulus: 1000 }];
    assert.equal(run({ a: value }, rules)!['d'], hash);
  }
});

test('rules that Prometheus refuses are refused, with the reason', () => {
  const refused: readonly [RelabelConfig, RegExp][] = [
    [{ action: 'replace' }, /replace needs a target_label/],
    [{ action: 'hashmod', target_label: 'a' }, /needs a modulus/],
    [{ action: 'hashmod', target_label: 'a$1', modulus: 8 }, /no label name/],
    [{ action: 'lowercase', target_label: '${3}' }, /no label name/],
    [{ action: 'lowercase', target_label: 'a', replacement: 'x' }, /takes no replacement/],
    [{ action: 'labeldrop', regex: 'a', source_labels: ['a'] }, /labeldrop takes no source_labels/],
    [{ action: 'labelkeep', regex: 'a', target_label: 'a' }, /labelkeep takes no target_label/],
    [{ action: 'keepequal', source_labels: ['a'], target_label: 'b', regex: 'x' }, /keepequal takes no regex/],
    [{ action: 'labelmap', regex: 'a', replacement: 'a-b' }, /no label name/],
    [{ target_label: '0a' }, /no label name/],
    [{ target_label: 'a', regex: '(' }, /regex "\("/],
  ];
  for (const [config, message] of refused) {
    const failure = (error: unknown): boolean =>
      error instanceof RubatoError && error.kind === 'config' && message.test(error.message);
    assert.throws(() => compileRelabelRules([config]), failure, JSON.stringify(config));
  }
});

test('labels with two underscores are for the rules alone', () => {
  assert.deepEqual(
    [...publicLabels(new Map(Object.entries({ z: '1', __address__: 'x', _a: '2', __tmp_q: '3' })))],
    [
      ['_a', '2'],
      ['z', '1'],
    ],
  );
});

const name = fc.stringMatching(/^[a-z_]{1,4}$/);
const labelSets = fc.dictionary(name, fc.string({ maxLength: 6 }), { maxKeys: 6 });

test('keep and drop, and labelkeep and labeldrop, are each other’s opposite, and no rule leaves an empty value', () => {
  fc.assert(
    fc.property(labelSets, name, fc.constantFrom('a.*', '.*', '[a-m]+', ''), (labels, source, regex) => {
      const kept = run(labels, [{ action: 'keep', source_labels: [source], regex }]);
      const dropped = run(labels, [{ action: 'drop', source_labels: [source], regex }]);
      assert.equal((kept === undefined) !== (dropped === undefined), true);
      const one = run(labels, [{ action: 'labelkeep', regex }])!;
      const other = run(labels, [{ action: 'labeldrop', regex }])!;
      assert.deepEqual({ ...one, ...other }, run(labels, []));
      const mapped = run(labels, [{ action: 'labelmap', regex: '(.+)', replacement: 'x_$1' }])!;
      for (const value of Object.values(mapped)) assert.notEqual(value, '');
    }),
    { numRuns: 200 },
  );
});

test('rules do not change the labels that they were given', () => {
  const given = new Map([['a', 'foo']]);
  relabel(given, compileRelabelRules([{ target_label: 'b', replacement: 'x' }]));
  assert.deepEqual([...given], [['a', 'foo']]);
});
