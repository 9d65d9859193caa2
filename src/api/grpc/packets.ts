/**
 * Encoded answers, cut for streams. All answers of the streaming API have the same shape: field 1 is what was found,
 * repeated; field 2 is what the query cost; what follows is said once.
 *
 *   answer    1 1 1 1 1 1 1 2 3 4
 *   packets   1 1 1 2 | 1 1 1 2 | 1 2 3 4        each at most so many bytes, unless one item alone is larger
 */
import { hash } from 'node:crypto';
import { ProtoReader } from '../../base/protobuf.ts';

export interface EncodedAnswer {
  /** Fields number 1, each with its tag. */
  readonly items: readonly Uint8Array[];
  /** Field 2. */
  readonly metrics: Uint8Array;
  /** What comes after it. */
  readonly ending: Uint8Array;
}

/** Views of a message whose fields stand in the order of their numbers. */
export function splitAnswer(message: Uint8Array): EncodedAnswer {
  const items: Uint8Array[] = [];
  const reader = new ProtoReader(message);
  let metricsStart = 0;
  let endingStart = 0;
  for (let start = 0; reader.next(); start = reader.position) {
    reader.skip();
    const end = reader.position;
    if (reader.field === 1) {
      items.push(message.subarray(start, end));
      metricsStart = end;
    }
    if (reader.field <= 2) endingStart = end;
  }
  return {
    items,
    metrics: message.subarray(metricsStart, endingStart),
    ending: message.subarray(endingStart),
  };
}

/** Messages of at most `bytesMax`, or with a single item. At least one, without items when there are none. */
export function* packets(answer: EncodedAnswer, bytesMax: number): Generator<Uint8Array> {
  const { items, metrics, ending } = answer;
  const room = bytesMax - metrics.length - ending.length;
  let packet: Uint8Array[] = [];
  let bytes = 0;
  for (const item of items) {
    if (packet.length > 0 && bytes + item.length > room) {
      yield Buffer.concat([...packet, metrics]);
      packet = [];
      bytes = 0;
    }
    packet.push(item);
    bytes += item.length;
  }
  yield Buffer.concat([...packet, metrics, ending]);
}

/** Leaves out items that were given before in exactly this form. */
export class ChangedItems {
  readonly #given = new Set<string>();

  of(answer: EncodedAnswer): EncodedAnswer {
    const items = answer.items.filter((item) => {
      const key = hash('sha256', item, 'base64');
      if (this.#given.has(key)) return false;
      this.#given.add(key);
      return true;
    });
    return { ...answer, items };
  }
}
