import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseTags } from './logfmt.ts';
import { parseSigned, parseUnsigned } from './params.ts';
import { parseTraceId } from './trace-id.ts';

test('tags read back as they were written', () => {
  const key = fc.stringMatching(/^[a-z.]{1,10}$/);
  const value = fc.oneof(fc.stringMatching(/^[a-z0-9/:.]{1,10}$/), fc.string({ unit: 'grapheme' }));
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(key, value), { selector: ([name]) => name }), fc.boolean(), (pairs, quote) => {
      const written = pairs.map(([name, text]) => {
        const bare = !quote && /^[a-z0-9/:.]+$/.test(text);
        return `${name}=${bare ? text : JSON.stringify(text)}`;
      });
      assert.deepEqual(
        parseTags(written.join('  ')),
        pairs.map(([name, text]) => ({ key: name, value: text })),
      );
    }),
  );
});

test('a tag that is set twice is refused', () => {
  assert.throws(() => parseTags('a=1 b=2 a=1'), { message: 'invalid tags: tag a has been set twice' });
});

test('a trace id is padded in front, in either case, and nothing but hex', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9a-fA-F]{1,32}$/), (text) => {
      assert.equal(Buffer.from(parseTraceId(text)).toString('hex'), text.toLowerCase().padStart(32, '0'));
    }),
  );
  assert.throws(() => parseTraceId('12é4'), {
    message: "trace IDs can only contain hex characters: invalid character 'é' at position 3",
  });
  assert.throws(() => parseTraceId('0'.repeat(33)), { message: "trace IDs can't be larger than 128 bits" });
});

test('numbers are accepted up to the last one that fits', () => {
  assert.equal(parseUnsigned('4294967295', 32), 4294967295n);
  assert.throws(() => parseUnsigned('4294967296', 32), /value out of range/);
  assert.throws(() => parseUnsigned('+1', 32), /invalid syntax/);
  assert.equal(parseSigned('-9223372036854775808', 64), -(1n << 63n));
  assert.throws(() => parseSigned('9223372036854775808', 64), /value out of range/);
  assert.throws(() => parseSigned('1'.repeat(1000), 64), /value out of range/);
  assert.throws(() => parseSigned('1_000', 64), {
    message: 'strconv.ParseInt: parsing "1_000": invalid syntax',
  });
});
