import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesText, countText, durationText, numberText, plural, timeText } from './format.ts';
import { ansiPaint, noPaint } from './paint.ts';
import { sparkline } from './sparkline.ts';
import { table } from './table.ts';
import { cut, fit, printable, textWidth } from './width.ts';

test('durations are told in about three digits, whatever their size', () => {
  const cases: [number, string][] = [
    [0, '0ns'],
    [850, '850ns'],
    [1500, '1.5µs'],
    [999_600, '1ms'],
    [132_400_000, '132ms'],
    [4_251_000_000, '4.25s'],
    [59_949_000_000, '59.9s'],
    [59_960_000_000, '1m00s'],
    [125_000_000_000, '2m05s'],
    [3 * 3600e9 + 7 * 60e9, '3h07m'],
    [3_599_600_000_000, '1h00m'],
    [52 * 3600e9, '2d04h'],
    [-1500, '-1.5µs'],
  ];
  for (const [nano, text] of cases) assert.equal(durationText(nano), text);
});

test('counts, bytes, numbers and times', () => {
  assert.equal(countText(1234567), '1,234,567');
  assert.equal(countText(999), '999');
  assert.equal(plural(1, 'span'), '1 span');
  assert.equal(plural(2000, 'span'), '2,000 spans');
  assert.deepEqual([0, 999, 1500, 132_400_000].map(bytesText), ['0 B', '999 B', '1.5 kB', '132 MB']);
  assert.deepEqual([0, 12, -1234, 0.123456, 5000.5, Number.NaN].map(numberText), [
    '0',
    '12',
    '-1,234',
    '0.1235',
    '5,001',
    'NaN',
  ]);
  assert.equal(timeText(1_700_000_000_123_456_789n), '2023-11-14 22:13:20.123');
});

test('text is cut and filled by the columns it takes, not by its characters', () => {
  assert.equal(textWidth('日本'), 4);
  assert.equal(textWidth('🦅'), 2);
  assert.equal(textWidth('e\u0301'), 1);
  assert.equal(cut('日本語', 5), '日本…');
  assert.equal(cut('日本語', 4), '日…');
  assert.equal(fit('日本', 6), '日本  ');
  assert.equal(fit('7', 3, 'right'), '  7');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (text, width) => {
      assert.equal(textWidth(fit(printable(text), width)), width);
    }),
  );
});

test('what could drive a terminal is replaced', () => {
  assert.equal(printable('a\x1b[2Jb\nc\u202ed\x9b'), 'a\ufffd[2Jb\ufffdc\ufffdd\ufffd');
});

test('a table is as wide as its content, and cut in its flexible columns only when it must be', () => {
  const columns = [{ title: 'ID' }, { title: 'NAME', flexible: true }, { title: 'N', align: 'right' as const }];
  const rows = [
    ['a1', 'a rather long name of something', '7'],
    ['b2', 'short', { text: '12', paint: (text: string) => `<${text}>` }],
  ];
  assert.equal(
    table(columns, rows, { width: undefined, paint: noPaint }),
    [
      'ID  NAME                              N',
      'a1  a rather long name of something   7',
      'b2  short                            <12>',
    ].join('\n'),
  );
  assert.equal(
    table(columns, rows, { width: 20, paint: noPaint }),
    ['ID  NAME           N', 'a1  a rather lo…   7', 'b2  short         <12>'].join('\n'),
  );
  // Narrower than anything can be: still whole rows.
  assert.equal(table(columns, rows, { width: 3, paint: noPaint }).split('\n').length, 3);
});

test('a sparkline keeps peaks, gaps and negative values', () => {
  assert.equal(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8), '▁▂▃▄▅▆▇█');
  assert.equal(sparkline([0, 0, 9, 0, 0, 0], 3), '▁█▁');
  assert.equal(sparkline([1, undefined, 1], 3), '█ █');
  assert.equal(sparkline([-1, 0, 1], 3), '▁▅█');
  assert.equal(sparkline([0, 0], 2), '▁▁');
  assert.equal(sparkline([], 5), '');
});

test('a name has the same colour every time, and painted text is closed', () => {
  assert.equal(ansiPaint.named('orders', 'x'), ansiPaint.named('orders', 'x'));
  assert.match(ansiPaint.named('orders', 'x').replaceAll('\x1b', 'ESC'), /^ESC\[38;5;\d+mxESC\[0m$/);
  assert.equal(ansiPaint.red(''), '');
});
