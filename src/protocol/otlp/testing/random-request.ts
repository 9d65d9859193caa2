/**
 * Random OTLP trace requests that are legal protobuf but as no sensible sender writes them: fields in any order and
 * repeated, unknown fields, long varints, values of every type. Ids are sound. The same seed gives the same request.
 */

type Encoded = Uint8Array;

const keys = ['a', 'b', 'service.name', '', 'é', 'k'.repeat(130), '\ufeffa'].map((key) => Buffer.from(key));
keys.push(Buffer.from([0xff, 0x61]), Buffer.from([0xfe, 0x61]));
const texts = [
  '',
  'x',
  'ok',
  'grpc',
  '\u00e9\u00e9\u00e9',
  '\u{1f600}'.repeat(3),
  'v'.repeat(127),
  'w'.repeat(300),
].map((text) => Buffer.from(text));
texts.push(Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80, 0x80]));

export function randomRequest(seed: number): Encoded {
  return new RandomMessage(seed).request();
}

class RandomMessage {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  request(): Encoded {
    return this.#message(this.#times(0, 3, () => this.#bytes(1, this.#resourceSpans())));
  }

  #resourceSpans(): Encoded {
    return this.#message([
      ...this.#times(0, 2, () => this.#bytes(1, this.#resource())),
      ...this.#times(0, 3, () => this.#bytes(this.#chance(8) ? 1000 : 2, this.#scopeSpans())),
      ...this.#times(0, 1, () => this.#bytes(3, this.#text())),
    ]);
  }

  #scopeSpans(): Encoded {
    return this.#message([
      ...this.#times(0, 2, () => this.#bytes(1, this.#scope())),
      ...this.#times(0, 4, () => this.#bytes(2, this.#span())),
      ...this.#times(0, 1, () => this.#bytes(3, this.#text())),
    ]);
  }

  #resource(): Encoded {
    return this.#message([
      ...this.#attributes(1),
      ...this.#times(0, 1, () => this.#varint(2, this.#int())),
      ...this.#times(0, 2, () =>
        this.#bytes(3, this.#value(this.#times(0, 3, () => this.#bytes(this.#nat(1, 4), this.#text())))),
      ),
    ]);
  }

  #scope(): Encoded {
    return this.#message([
      ...this.#times(0, 1, () => this.#bytes(1, this.#text())),
      ...this.#times(0, 1, () => this.#bytes(2, this.#text())),
      ...this.#attributes(3),
      ...this.#times(0, 1, () => this.#varint(4, this.#int())),
    ]);
  }

  #span(): Encoded {
    return this.#message([
      this.#bytes(1, this.#id(16)),
      this.#bytes(2, this.#id(8)),
      ...this.#times(0, 1, () => this.#bytes(3, this.#text())),
      ...this.#times(0, 1, () => this.#bytes(4, this.#chance(3) ? new Uint8Array(8) : this.#id(8))),
      ...this.#times(0, 2, () => this.#bytes(5, this.#text())),
      ...this.#times(0, 1, () => this.#varint(6, this.#int())),
      ...this.#times(0, 2, () => this.#fixed(7, 8)),
      ...this.#times(0, 1, () => this.#fixed(8, 8)),
      ...this.#attributes(9),
      ...this.#times(0, 1, () => this.#varint(10, this.#int())),
      ...this.#times(0, 2, () => this.#bytes(11, this.#event())),
      ...this.#times(0, 1, () => this.#varint(12, this.#int())),
      ...this.#times(0, 2, () => this.#bytes(13, this.#link())),
      ...this.#times(0, 1, () => this.#varint(14, this.#int())),
      ...this.#times(0, 2, () => this.#bytes(15, this.#status())),
      ...this.#times(0, 1, () => this.#fixed(16, 4)),
    ]);
  }

  #status(): Encoded {
    return this.#message([
      ...this.#times(0, 1, () => this.#bytes(2, this.#text())),
      ...this.#times(0, 1, () => this.#varint(3, this.#int())),
    ]);
  }

  #event(): Encoded {
    return this.#message([
      ...this.#times(0, 1, () => this.#fixed(1, 8)),
      ...this.#times(0, 1, () => this.#bytes(2, this.#text())),
      ...this.#attributes(3),
      ...this.#times(0, 1, () => this.#varint(4, this.#int())),
    ]);
  }

  #link(): Encoded {
    return this.#message([
      ...this.#times(0, 1, () => this.#bytes(1, this.#id(16))),
      ...this.#times(0, 1, () => this.#bytes(2, this.#id(8))),
      ...this.#times(0, 1, () => this.#bytes(3, this.#text())),
      ...this.#attributes(4),
      ...this.#times(0, 1, () => this.#varint(5, this.#int())),
      ...this.#times(0, 1, () => this.#fixed(6, 4)),
    ]);
  }

  #attributes(field: number): Encoded[] {
    return this.#times(0, 4, () => this.#bytes(field, this.#keyValue(1)));
  }

  #keyValue(depth: number): Encoded {
    const key = this.#bytes(1, this.#pick(keys));
    // Mostly as everybody writes it.
    if (!this.#chance(4)) return Buffer.concat([key, this.#bytes(2, this.#anyValue(depth))]);
    return this.#value([key, ...this.#times(0, 2, () => this.#bytes(2, this.#anyValue(depth)))]);
  }

  #anyValue(depth: number): Encoded {
    if (!this.#chance(6)) return this.#anyField(depth);
    return this.#value(this.#times(0, 3, () => this.#anyField(depth)));
  }

  #anyField(depth: number): Encoded {
    switch (this.#nat(1, depth < 4 ? 7 : 4)) {
      case 1:
        return this.#bytes(1, this.#text());
      case 2:
        return this.#varint(2, BigInt(this.#nat(0, 2)));
      case 3:
        return this.#varint(3, this.#int());
      case 4:
        return this.#fixed(4, 8);
      case 5:
        return this.#bytes(5, this.#value(this.#times(0, 2, () => this.#bytes(1, this.#anyValue(depth + 1)))));
      case 6:
        return this.#bytes(6, this.#value(this.#times(0, 2, () => this.#bytes(1, this.#keyValue(depth + 1)))));
      default:
        return this.#bytes(7, this.#text());
    }
  }

  /** The fields in some order, with unknown ones between them, by number or by wire type. */
  #message(fields: readonly Encoded[]): Encoded {
    return this.#value(this.#chance(12) ? [...fields, this.#fixed(1, 4)] : fields);
  }

  /** The same for messages whose known fields must have their wire type. */
  #value(fields: readonly Encoded[]): Encoded {
    const all = [...fields];
    if (this.#chance(6)) all.push(this.#unknown());
    if (this.#chance(2))
      for (let i = all.length - 1; i > 0; i--) {
        const j = this.#nat(0, i);
        [all[i], all[j]] = [all[j]!, all[i]!];
      }
    return Buffer.concat(all);
  }

  /** A number that OTLP does not use. */
  #unknown(): Encoded {
    switch (this.#nat(0, 3)) {
      case 0:
        return this.#varint(900, this.#int());
      case 1:
        return this.#fixed(1001, 8);
      case 2:
        return this.#bytes(77, this.#text());
      default:
        return this.#fixed(536_870_911, 4);
    }
  }

  #bytes(field: number, content: Uint8Array): Encoded {
    return Buffer.concat([this.#number(BigInt(field) * 8n + 2n), this.#number(BigInt(content.length)), content]);
  }

  #varint(field: number, value: bigint): Encoded {
    return Buffer.concat([this.#number(BigInt(field) * 8n), this.#number(BigInt.asUintN(64, value))]);
  }

  #fixed(field: number, bytes: 4 | 8): Encoded {
    const content = Uint8Array.from({ length: bytes }, () => this.#nat(0, 255));
    return Buffer.concat([this.#number(BigInt(field * 8 + (bytes === 8 ? 1 : 5))), content]);
  }

  /** A varint, now and then longer than it need be. */
  #number(value: bigint): Encoded {
    const bytes: number[] = [];
    let rest = value;
    for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
    bytes.push(Number(rest));
    if (bytes.length < 5 && this.#chance(20)) {
      bytes[bytes.length - 1]! |= 128;
      bytes.push(0);
    }
    return Uint8Array.from(bytes);
  }

  #int(): bigint {
    return this.#pick([0n, 1n, 2n, 3n, 127n, 128n, 300n, 16_384n, 4_294_967_296n, 2n ** 63n - 1n, -1n, -(2n ** 63n)]);
  }

  #id(bytes: 8 | 16): Uint8Array {
    const id = new Uint8Array(bytes).fill(this.#nat(0, 2));
    id[bytes - 1] = this.#nat(1, 3);
    return id;
  }

  #text(): Uint8Array {
    return this.#pick(texts);
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#nat(0, values.length - 1)]!;
  }

  #times(min: number, max: number, make: () => Encoded): Encoded[] {
    return Array.from({ length: this.#nat(min, max) }, make);
  }

  #chance(oneIn: number): boolean {
    return this.#nat(1, oneIn) === oneIn;
  }

  #nat(min: number, max: number): number {
    // mulberry32
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return min + (((t ^ (t >>> 14)) >>> 0) % (max - min + 1));
  }
}
