/** Makes inputs of others: bytes changed, cut out, doubled, taken from elsewhere; or words of a language put anywhere. */
import type { SeededRng } from '../../src/base/random.ts';

/** What has broken parsers before: lengths at the edges of a varint and of 32 bits, nesting, ends of text. */
const bytes = [
  '00',
  'ff',
  '7f',
  '80',
  'ffffffff0f',
  'ffffffffffffffffff01',
  '7fffffff',
  '80000000',
  '0a',
  '0c',
  'c0',
  'eda080',
];
const marks = [
  '{',
  '}',
  '[',
  ']',
  '"',
  '\\',
  ',',
  ':',
  'null',
  '-1',
  '1e999',
  '0x',
  '""',
  '{}',
  '[]',
  '\u0000',
  '%',
  '&',
  '=',
];
const tokens = [...bytes.map((hex) => Buffer.from(hex, 'hex')), ...marks.map((mark) => Buffer.from(mark))];

/** Inputs grow no longer than this, so that their number and not their length makes the time. */
export const inputBytesMax = 4096;

export function mutate(rng: SeededRng, seeds: readonly Uint8Array[], words: readonly Buffer[]): Buffer {
  const pick = <Item>(list: readonly Item[]): Item => list[rng.uint32() % list.length]!;
  let input = Buffer.from(pick(seeds));
  for (let left = 1 + (rng.uint32() % 4); left > 0; left--) {
    const at = input.length === 0 ? 0 : rng.uint32() % input.length;
    const length = rng.uint32() % 9;
    switch (rng.uint32() % 8) {
      case 0:
        if (input.length > 0) input[at] = rng.uint32();
        break;
      case 1:
        if (input.length > 0) input[at]! ^= 1 << (rng.uint32() % 8);
        break;
      case 2:
        input = Buffer.concat([input.subarray(0, at), input.subarray(at + length)]);
        break;
      case 3:
        input = input.subarray(0, at);
        break;
      case 4:
        input = Buffer.concat([input.subarray(0, at), pick(tokens), input.subarray(at)]);
        break;
      case 5:
        input = Buffer.concat([
          input.subarray(0, at),
          pick(words.length > 0 ? words : tokens),
          input.subarray(at + length),
        ]);
        break;
      case 6: {
        const other = pick(seeds);
        const from = rng.uint32() % (other.length + 1);
        input = Buffer.concat([input.subarray(0, at), other.subarray(from, from + length * 8), input.subarray(at)]);
        break;
      }
      default: {
        // A piece again and again: nesting.
        const piece = input.subarray(at, at + length + 1);
        const times = 1 + (rng.uint32() % 20);
        input = Buffer.concat([input.subarray(0, at), ...Array<Buffer>(times).fill(piece), input.subarray(at)]);
      }
    }
  }
  return input.length > inputBytesMax ? input.subarray(0, inputBytesMax) : input;
}
