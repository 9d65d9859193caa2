/**
 * A small container for columns on their way to the browser: a JSON head, then byte sections one after the other.
 * Browser-safe; docs/format/trace-columns.md describes it.
 *
 *   "RBTC" | u8 version | 3 zero bytes | u32 LE length of the head | head, JSON in UTF-8 | sections
 *
 * The head's `sections` names them in order with their lengths in bytes. Numbers in a section are unsigned LEB128
 * varints of up to 53 bits; signed ones are zigzag-coded first.
 */
import { corrupt } from './errors.ts';

const magic = [0x52, 0x42, 0x54, 0x43] as const;
const version = 1;
const fixedBytes = 12;

export interface SectionName {
  readonly name: string;
  readonly bytes: number;
}

/** Varints into a buffer that grows. */
export class VarintWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(capacityBytes = 256) {
    this.#bytes = new Uint8Array(capacityBytes);
  }

  /** A whole number from 0 to 2^53 − 1. */
  uint(value: number): void {
    if (this.#length + 8 > this.#bytes.length) this.#grow();
    let rest = value;
    for (; rest > 0x7fffffff; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = (rest % 128) | 128;
    for (; rest > 127; rest >>>= 7) this.#bytes[this.#length++] = (rest & 127) | 128;
    this.#bytes[this.#length++] = rest;
  }

  /** A whole number between −2^52 and 2^52. */
  int(value: number): void {
    this.uint(value < 0 ? -value * 2 - 1 : value * 2);
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(): void {
    const grown = new Uint8Array(this.#bytes.length * 2 + 8);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

/** `head` must not have a member `sections`. */
export function encodeSections(
  head: Readonly<Record<string, unknown>>,
  sections: Readonly<Record<string, Uint8Array>>,
): Uint8Array[] {
  const names: SectionName[] = Object.entries(sections).map(([name, bytes]) => ({ name, bytes: bytes.length }));
  const json = new TextEncoder().encode(JSON.stringify({ ...head, sections: names }));
  const start = new Uint8Array(fixedBytes);
  start.set(magic);
  start[4] = version;
  new DataView(start.buffer).setUint32(8, json.length, true);
  return [start, json, ...Object.values(sections)];
}

export interface Sections<Head> {
  readonly head: Head & { readonly sections: readonly SectionName[] };
  /** @throws when there is no such section */
  section(name: string): Uint8Array;
}

/** @throws RubatoError kind `corrupt` when the bytes are not whole */
export function decodeSections<Head>(bytes: Uint8Array): Sections<Head> {
  if (bytes.length < fixedBytes || magic.some((byte, i) => bytes[i] !== byte)) throw damaged('it does not begin so');
  if (bytes[4] !== version) throw damaged(`version ${bytes[4]} is not known`);
  const headEnd = fixedBytes + new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(fixedBytes, headEnd))) as Sections<Head>['head'];
  const found = new Map<string, Uint8Array>();
  let at = headEnd;
  for (const section of head.sections) {
    found.set(section.name, bytes.subarray(at, at + section.bytes));
    at += section.bytes;
  }
  if (at !== bytes.length) throw damaged(`${bytes.length} bytes instead of ${at}`);
  return {
    head,
    section(name) {
      const section = found.get(name);
      if (section === undefined) throw damaged(`section ${name} is missing`);
      return section;
    },
  };
}

/** All varints of a section into `out`, as many as it has room for. @throws when there are fewer or more */
export function readUints(bytes: Uint8Array, out: Float64Array | Uint32Array | Int32Array): void {
  let at = 0;
  for (let i = 0; i < out.length; i++) {
    let byte = bytes[at++]!;
    let value = byte & 127;
    for (let shift = 128; byte > 127; shift *= 128) {
      byte = bytes[at++]!;
      value += (byte & 127) * shift;
    }
    out[i] = value;
  }
  if (at !== bytes.length) throw damaged('a section has another number of values');
}

/** Undoes the zigzag of {@link VarintWriter.int}. */
export function fromZigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

const damaged = (why: string): Error => corrupt('bad_sections', `columns of a trace: ${why}`);
