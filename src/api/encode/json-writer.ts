/**
 * JSON text as bytes, written front to back into a buffer that grows. The caller writes the punctuation; this class
 * knows how strings, numbers, ids and times are written. Strings that are UTF-8 bytes already (dictionary values) are
 * copied without becoming JavaScript strings as long as they are ASCII.
 */

/** For each byte: 0 = stands for itself in a JSON string, 1 = written as \u00xx, otherwise the letter after the backslash. */
const escapes = new Uint8Array(256);
for (let byte = 0; byte < 0x20; byte++) escapes[byte] = 1;
escapes[0x08] = 0x62;
escapes[0x09] = 0x74;
escapes[0x0a] = 0x6e;
escapes[0x0c] = 0x66;
escapes[0x0d] = 0x72;
escapes[0x22] = 0x22;
escapes[0x5c] = 0x5c;

const hexDigits = new Uint8Array(16);
for (let digit = 0; digit < 16; digit++) hexDigits[digit] = digit.toString(16).charCodeAt(0);

const base64Digits = new Uint8Array(64);
for (let digit = 0; digit < 64; digit++)
  base64Digits[digit] = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'.charCodeAt(digit);

/** Ill-formed bytes become U+FFFD. */
const utf8Decoder = new TextDecoder();

/** Longest piece copied by a loop; beyond it a native copy is faster. */
const LOOP_COPY_MAX = 40;

export class JsonWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacityBytes = 1024) {
    this.#bytes = Buffer.allocUnsafeSlow(capacityBytes);
  }

  get length(): number {
    return this.#length;
  }

  /** What was written, in memory that the writer gives away: it starts again with a new buffer. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#bytes = Buffer.allocUnsafeSlow(this.#bytes.length);
    this.#length = 0;
    return taken;
  }

  /** What was written, without a copy; the writer must not be used afterwards. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Forgets everything after the first `length` bytes. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** A copy of the bytes from `start`. */
  copyFrom(start: number): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(start, this.#length));
  }

  /** Writes once more what stands in [start, end). */
  repeat(start: number, end: number): void {
    this.#reserve(end - start);
    this.#bytes.copyWithin(this.#length, start, end);
    this.#length += end - start;
  }

  /** ASCII text as it is: punctuation, field names. */
  raw(text: string): void {
    const length = text.length;
    this.#reserve(length);
    const bytes = this.#bytes;
    const at = this.#length;
    if (length <= LOOP_COPY_MAX) for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i);
    else bytes.write(text, at, 'latin1');
    this.#length = at + length;
  }

  comma(): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = 0x2c;
  }

  /** Bytes that are JSON already. */
  rawBytes(json: Uint8Array): void {
    const length = json.length;
    this.#reserve(length);
    const at = this.#length;
    if (length <= LOOP_COPY_MAX) for (let i = 0; i < length; i++) this.#bytes[at + i] = json[i]!;
    else this.#bytes.set(json, at);
    this.#length = at + length;
  }

  /** A quoted string. Lone surrogates become U+FFFD. */
  string(text: string): void {
    const length = text.length;
    // A UTF-16 unit is at most 3 bytes of UTF-8 or 6 of an escape.
    this.#reserve(length * 6 + 2);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = 0x22;
    let i = 0;
    while (i < length) {
      const unit = text.charCodeAt(i);
      if (unit < 0x80) {
        at = writeAscii(bytes, at, unit);
        i++;
        continue;
      }
      let end = i + 1;
      while (end < length && text.charCodeAt(end) >= 0x80) end++;
      at += bytes.write(text.slice(i, end), at, 'utf8');
      i = end;
    }
    bytes[at++] = 0x22;
    this.#length = at;
  }

  /** A quoted string from UTF-8. */
  stringBytes(utf8: Uint8Array): void {
    const length = utf8.length;
    this.#reserve(length * 6 + 2);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = 0x22;
    for (let i = 0; i < length; i++) {
      const byte = utf8[i]!;
      if (byte >= 0x80) {
        this.string(utf8Decoder.decode(utf8));
        return;
      }
      if (escapes[byte] === 0) bytes[at++] = byte;
      else at = writeAscii(bytes, at, byte);
    }
    bytes[at++] = 0x22;
    this.#length = at;
  }

  /** A whole number of at most 2^53, either sign. */
  integer(value: number): void {
    this.#reserve(20);
    if (value < 0) {
      this.#bytes[this.#length++] = 0x2d;
      this.#digits(-value, 1);
    } else this.#digits(value, 1);
  }

  /** proto3 JSON: shortest form; what JSON has no number for is a string. */
  double(value: number): void {
    if (Number.isFinite(value)) this.raw(Object.is(value, -0) ? '-0' : String(value));
    else this.raw(Number.isNaN(value) ? '"NaN"' : value > 0 ? '"Infinity"' : '"-Infinity"');
  }

  /** Quoted, as proto3 JSON has 64-bit numbers. */
  int64(value: bigint): void {
    this.raw('"');
    this.raw(value.toString());
    this.raw('"');
  }

  /** Quoted; a whole number of at most 2^53. */
  quotedInteger(value: number): void {
    this.raw('"');
    this.integer(value);
    this.raw('"');
  }

  /** Quoted Unix ns, given as seconds and ns that need not be below 1e9 (and not negative in sum). */
  unixNano(seconds: number, nano: number): void {
    const carry = Math.floor(nano / 1e9);
    this.#reserve(32);
    this.#bytes[this.#length++] = 0x22;
    const wholeSeconds = seconds + carry;
    if (wholeSeconds > 0) {
      this.#digits(wholeSeconds, 1);
      this.#digits(nano - carry * 1e9, 9);
    } else this.#digits(nano - carry * 1e9, 1);
    this.#bytes[this.#length++] = 0x22;
  }

  /** Quoted standard base64 with padding. */
  base64(source: Uint8Array, start = 0, end = source.length): void {
    this.#reserve(Math.ceil((end - start) / 3) * 4 + 2);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = 0x22;
    let i = start;
    for (; i + 2 < end; i += 3) {
      const group = (source[i]! << 16) | (source[i + 1]! << 8) | source[i + 2]!;
      bytes[at++] = base64Digits[group >> 18]!;
      bytes[at++] = base64Digits[(group >> 12) & 63]!;
      bytes[at++] = base64Digits[(group >> 6) & 63]!;
      bytes[at++] = base64Digits[group & 63]!;
    }
    if (i < end) {
      const two = i + 1 < end;
      const group = (source[i]! << 16) | ((two ? source[i + 1]! : 0) << 8);
      bytes[at++] = base64Digits[group >> 18]!;
      bytes[at++] = base64Digits[(group >> 12) & 63]!;
      bytes[at++] = two ? base64Digits[(group >> 6) & 63]! : 0x3d;
      bytes[at++] = 0x3d;
    }
    bytes[at++] = 0x22;
    this.#length = at;
  }

  /** Quoted lower-case hex. */
  hex(source: Uint8Array, start = 0, end = source.length): void {
    this.#reserve((end - start) * 2 + 2);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = 0x22;
    for (let i = start; i < end; i++) {
      bytes[at++] = hexDigits[source[i]! >> 4]!;
      bytes[at++] = hexDigits[source[i]! & 15]!;
    }
    bytes[at++] = 0x22;
    this.#length = at;
  }

  /** Decimal digits, at least `width`, zeros in front. The caller has reserved. */
  #digits(value: number, width: number): void {
    let count = width;
    for (let power = 10 ** width; power <= value; power *= 10) count++;
    const bytes = this.#bytes;
    let rest = value;
    for (let at = this.#length + count - 1; at >= this.#length; at--) {
      const next = Math.floor(rest / 10);
      bytes[at] = 0x30 + (rest - next * 10);
      rest = next;
    }
    this.#length += count;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#length + count));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

/** Writes one ASCII character inside a JSON string; returns the position behind it. */
function writeAscii(bytes: Uint8Array, at: number, unit: number): number {
  const form = escapes[unit]!;
  if (form === 0) {
    bytes[at] = unit;
    return at + 1;
  }
  bytes[at] = 0x5c;
  if (form !== 1) {
    bytes[at + 1] = form;
    return at + 2;
  }
  bytes[at + 1] = 0x75;
  bytes[at + 2] = 0x30;
  bytes[at + 3] = 0x30;
  bytes[at + 4] = hexDigits[unit >> 4]!;
  bytes[at + 5] = hexDigits[unit & 15]!;
  return at + 6;
}
