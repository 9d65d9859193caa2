import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { joinValues, PlainDictionary } from './dictionary.ts';

const encoder = new TextEncoder();

test('values that are equal to a text are found, wherever else its bytes stand', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '\u{1f600}'), maxLength: 4 });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 12 }), text, (texts, wanted) => {
      const dictionary = new PlainDictionary('string', joinValues(texts.map((value) => encoder.encode(value))));
      const expected = texts.flatMap((value, index) => (value === wanted ? [index] : []));
      assert.deepEqual(dictionary.indicesOf(wanted), expected);
    }),
  );
});
