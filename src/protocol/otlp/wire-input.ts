/**
 * The bytes of one request while they are scanned. They are copied into memory of our own that has room to read past the
 * end, so that hot loops may look at a few bytes first and check positions after, and always see one kind of array
 * whatever the transport hands over. The copy of 350 bytes a span takes 0.012 to 0.02 µs.
 *
 * Reading methods take a position, return the value and leave the next position in `pos`.
 */
/** Bytes that may be read past the end; they are zero. */
const padding = 64;
/** Larger requests get memory of their own that is not kept. */
const keptBytesMax = 8 << 20;

export class WireInput {
  bytes: Uint8Array;
  view: DataView;
  /** End of the request. */
  end = 0;
  /** Where the last reading method stopped. */
  pos = 0;
  /** Words of the last varint. */
  low = 0;
  high = 0;

  #kept = new Uint8Array(1 << 18);
  #keptView = new DataView(this.#kept.buffer);

  constructor() {
    this.bytes = this.#kept;
    this.view = this.#keptView;
  }

  load(request: Uint8Array): void {
    const need = request.length + padding;
    if (need > this.#kept.length && need <= keptBytesMax) {
      this.#kept = new Uint8Array(Math.min(keptBytesMax, need * 2));
      this.#keptView = new DataView(this.#kept.buffer);
    }
    if (need > keptBytesMax) {
      this.bytes = new Uint8Array(need);
      this.view = new DataView(this.bytes.buffer);
    } else {
      this.bytes = this.#kept;
      this.view = this.#keptView;
    }
    this.bytes.set(request);
    this.bytes.fill(0, request.length, need);
    this.end = request.length;
  }

  /** Lets go of a large request's memory. */
  release(): void {
    this.bytes = this.#kept;
    this.view = this.#keptView;
  }

  /** Leaves the value in `low` and `high`. Bits beyond the 64th are dropped. */
  varint(at: number, end: number): void {
    const bytes = this.bytes;
    let low = 0;
    let high = 0;
    let pos = at;
    for (let shift = 0; shift < 70; shift += 7) {
      if (pos >= end) throw new DamagedInput(at, 'varint is cut off');
      const byte = bytes[pos++]!;
      const bits = byte & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= (bits & 1) << 31;
      if (byte < 128) {
        this.low = low;
        this.high = high;
        this.pos = pos;
        return;
      }
    }
    throw new DamagedInput(at, 'varint is longer than 10 bytes');
  }

  /** A tag, field number * 8 + wire type. `at` is before the end. */
  tag(at: number, end: number): number {
    const byte = this.bytes[at]!;
    if (byte < 128) {
      this.pos = at + 1;
      return byte;
    }
    this.varint(at, end);
    if (this.high !== 0) throw new DamagedInput(at, 'field number is too large');
    return this.low >>> 0;
  }

  /** Reads a length and returns where its payload ends; `pos` is where it starts. */
  payloadEnd(at: number, end: number): number {
    const bytes = this.bytes;
    const byte = bytes[at]!;
    if (byte > 127 && bytes[at + 1]! < 128) {
      const next = at + 2 + ((byte & 127) | (bytes[at + 1]! << 7));
      if (next <= end) {
        this.pos = at + 2;
        return next;
      }
    } else if (byte < 128 && at + 1 + byte <= end) {
      this.pos = at + 1;
      return at + 1 + byte;
    }
    this.varint(at, end);
    // All in small integers: one double here and every position in the scanner would be a double.
    if (this.high !== 0 || this.low < 0 || this.low > end - this.pos) {
      const length = (this.low >>> 0) + (this.high >>> 0) * 0x1_0000_0000;
      throw new DamagedInput(at, `length ${length}, but ${end - this.pos} bytes are left`);
    }
    return this.pos + this.low;
  }

  /** Position behind the payload of a field that nobody wants. */
  skip(tag: number, at: number, end: number): number {
    if (tag < 8) throw new DamagedInput(at, 'field number 0');
    switch (tag & 7) {
      case 0:
        this.varint(at, end);
        return this.pos;
      case 1:
        if (end - at < 8) throw new DamagedInput(at, '8 bytes are cut off');
        return at + 8;
      case 2:
        return this.payloadEnd(at, end);
      case 5:
        if (end - at < 4) throw new DamagedInput(at, '4 bytes are cut off');
        return at + 4;
      case 3:
      case 4:
        throw new DamagedInput(at, 'groups are not supported');
      default:
        throw new DamagedInput(at, `unknown wire type ${tag & 7}`);
    }
  }
}

/** Not for clients: the scanner adds the path of the field. */
export class DamagedInput extends Error {
  readonly offset: number;
  constructor(offset: number, what: string) {
    super(what);
    this.offset = offset;
  }
}

/** Refuses a field that is defined (numbers 1 to `known`) but came with another wire type. Unknown fields may pass. */
export function refuseField(tag: number, known: number, at: number): void {
  if (tag >>> 3 <= known) throw new DamagedInput(at, `field ${tag >>> 3} has wire type ${tag & 7}`);
}
