/**
 * A page is a header (Thrift) and a body. We write dictionary pages and data pages version 1, whose body, levels
 * included, is compressed as a whole; we read version 2 as well, whose levels stand uncompressed before the values.
 *
 * A page does not say how it is compressed, the footer does. We tell by the bytes instead, so that a page can be
 * decoded alone: a body is zstd when it starts with the magic number of a zstd frame, else stored as it is. The writer
 * compresses every body that starts with these bytes by chance.
 */
import { constants, crc32, zstdCompressSync } from 'node:zlib';
import { assert } from '../base/assert.ts';
import { corrupt } from '../base/errors.ts';
import { ByteSink } from './byte-sink.ts';
import { ThriftReader, ThriftWriter } from './thrift.ts';
import { decompressFrame } from './zstd.ts';

/** Parquet's numbers: parquet.thrift, enum PageType. */
const PageType = { data: 0, dictionary: 2, dataV2: 3 } as const;

/** parquet.thrift, enum Encoding. */
export const Encoding = {
  plain: 0,
  plainDictionary: 2,
  rle: 3,
  deltaBinaryPacked: 5,
  rleDictionary: 8,
  byteStreamSplit: 9,
} as const;

/** parquet.thrift, enum CompressionCodec. */
export const Codec = { uncompressed: 0, zstd: 6 } as const;

/** A page's body before compression. The format allows 2 GiB; the bound is what a damaged header can make us allocate. */
export const PAGE_BODY_BYTES_MAX = 1 << 30;

/** Bodies this short on average are not worth a try: a zstd frame costs 9 bytes and a call of zstd 16 µs. */
const COMPRESS_BYTES_MIN = 48;
/** zstd repeats 128 KiB with 3 bytes. A header that promises more is damaged, and must not make us allocate it. */
const RATIO_MAX = 1 << 16;

const isZstd = (body: Uint8Array): boolean =>
  body[0] === 0x28 && body[1] === 0xb5 && body[2] === 0x2f && body[3] === 0xfd;

function compressBody(body: Uint8Array, level: number): Uint8Array {
  assert(body.length <= PAGE_BODY_BYTES_MAX, 'page body within the limit');
  const compressed = zstdCompressSync(body, {
    params: { [constants.ZSTD_c_compressionLevel]: level },
    // One output buffer that surely holds the result (zstd's worst case), so that nothing is joined.
    chunkSize: body.length + (body.length >>> 8) + 512,
  });
  // A copy: a small result would keep the large buffer alive.
  return Uint8Array.prototype.slice.call(compressed);
}

/**
 * The bodies of a column chunk as they are stored: all compressed or, when that would not pay, all as they are, since
 * a chunk has one codec.
 */
export function compressBodies(
  bodies: readonly Uint8Array[],
  level: number,
): { readonly codec: number; readonly stored: readonly Uint8Array[] } {
  const raw = { codec: Codec.uncompressed, stored: bodies };
  const mustCompress = bodies.some(isZstd);
  const size = totalBytes(bodies);
  if (size < bodies.length * COMPRESS_BYTES_MIN && !mustCompress) return raw;
  const stored = bodies.map((body) => compressBody(body, level));
  return totalBytes(stored) < size || mustCompress ? { codec: Codec.zstd, stored } : raw;
}

const totalBytes = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0);

function headerStart(type: number, bodyBytes: number, stored: Uint8Array, checksum = true): ThriftWriter {
  const writer = new ThriftWriter(new ByteSink(48));
  writer.begin();
  writer.i32(1, type);
  writer.i32(2, bodyBytes);
  writer.i32(3, stored.length);
  if (checksum) writer.i32(4, crc32(stored) | 0);
  return writer;
}

/** Header of a data page (version 1). `values` counts nulls; `stored` is what {@link compressBodies} made of the body. */
export function dataPageHeader(
  values: number,
  encoding: number,
  bodyBytes: number,
  stored: Uint8Array,
  checksum = true,
): Uint8Array {
  const writer = headerStart(PageType.data, bodyBytes, stored, checksum);
  writer.begin(5);
  writer.i32(1, values);
  writer.i32(2, encoding);
  writer.i32(3, Encoding.rle);
  writer.i32(4, Encoding.rle);
  writer.end();
  writer.end();
  return writer.sink.copy();
}

export function dictionaryPageHeader(values: number, bodyBytes: number, stored: Uint8Array): Uint8Array {
  const writer = headerStart(PageType.dictionary, bodyBytes, stored);
  writer.begin(7);
  writer.i32(1, values);
  writer.i32(2, Encoding.plain);
  writer.end();
  writer.end();
  return writer.sink.copy();
}

export interface PageHeader {
  readonly kind: 'data' | 'dataV2' | 'dictionary' | 'other';
  /** Bytes of the header itself; the body follows. */
  readonly headerBytes: number;
  /** Before compression, levels included. */
  readonly bodyBytes: number;
  /** As stored, levels included. */
  readonly storedBytes: number;
  readonly crc: number | undefined;
  /** Rows of a data page, nulls included; values of a dictionary. */
  readonly values: number;
  readonly encoding: number;
  /** Version 2: bytes of the repetition and definition levels before the values. */
  readonly repetitionBytes: number;
  readonly definitionBytes: number;
  readonly compressed: boolean;
}

/** Reads the header at bytes[at ..). `where` names the page in errors. */
export function readPageHeader(bytes: Uint8Array, at: number, where: string): PageHeader {
  const reader = new ThriftReader(bytes, at, where);
  let type = -1;
  let bodyBytes = -1;
  let storedBytes = -1;
  let crc: number | undefined;
  let values = -1;
  let encoding = -1;
  let repetitionBytes = 0;
  let definitionBytes = 0;
  let compressed = true;
  const outer = reader.begin();
  for (let id = reader.next(); id !== 0; id = reader.next()) {
    if (id === 1) type = reader.i32();
    else if (id === 2) bodyBytes = reader.i32();
    else if (id === 3) storedBytes = reader.i32();
    else if (id === 4) crc = reader.i32() >>> 0;
    else if (id === 5 || id === 7 || id === 8) {
      const isV2 = id === 8;
      reader.expectStruct();
      const page = reader.begin();
      for (let field = reader.next(); field !== 0; field = reader.next()) {
        if (field === 1) values = reader.i32();
        else if (field === (isV2 ? 4 : 2)) encoding = reader.i32();
        else if (isV2 && field === 5) definitionBytes = reader.i32();
        else if (isV2 && field === 6) repetitionBytes = reader.i32();
        else if (isV2 && field === 7) compressed = reader.bool();
        else reader.skip();
      }
      reader.end(page);
    } else reader.skip();
  }
  reader.end(outer);
  const kind =
    type === PageType.data
      ? 'data'
      : type === PageType.dataV2
        ? 'dataV2'
        : type === PageType.dictionary
          ? 'dictionary'
          : 'other';
  if (bodyBytes < 0 || storedBytes < 0 || bodyBytes > PAGE_BODY_BYTES_MAX) reader.fail('page size out of range');
  if (kind !== 'other' && (values < 0 || encoding < 0)) reader.fail('the page header lacks its numbers');
  if (
    repetitionBytes < 0 ||
    definitionBytes < 0 ||
    repetitionBytes + definitionBytes > Math.min(storedBytes, bodyBytes)
  )
    reader.fail('levels longer than the page');
  return {
    kind,
    headerBytes: reader.at - at,
    bodyBytes,
    storedBytes,
    crc,
    values,
    encoding,
    repetitionBytes,
    definitionBytes,
    compressed,
  };
}

/** A page's parts after decompression. */
export interface OpenPage {
  readonly header: PageHeader;
  /** Version 1: levels and values. Version 2: the values. */
  readonly body: Uint8Array;
  /** Version 2: the definition levels, empty when there are none. */
  readonly definitionLevels: Uint8Array | undefined;
}

/** Checks and decompresses a page of the given kind that fills `page`. The body is valid until the next page is opened. */
export function openPage(page: Uint8Array, kind: 'data' | 'dictionary', where: string): OpenPage {
  const header = readPageHeader(page, 0, where);
  const isData = header.kind === 'data' || header.kind === 'dataV2';
  if (kind === 'data' ? !isData : header.kind !== 'dictionary') throw corrupt(`${where}, byte 0`, `not a ${kind} page`);
  if (header.headerBytes + header.storedBytes !== page.length)
    throw corrupt(`${where}, byte 0`, `${header.storedBytes} bytes of body in ${page.length - header.headerBytes}`);
  // A plain array: the caller's may be a Buffer, whose methods differ, and what is decoded may be a view of it.
  const stored = new Uint8Array(page.buffer, page.byteOffset + header.headerBytes, header.storedBytes);
  if (header.crc !== undefined && crc32(stored) !== header.crc)
    throw corrupt(`${where}, byte ${header.headerBytes}`, 'checksum does not match');
  const levels = header.repetitionBytes + header.definitionBytes;
  const body = decompressBody(
    stored.subarray(levels),
    header.bodyBytes - levels,
    header.compressed,
    `${where}, byte ${header.headerBytes + levels}`,
  );
  const definitionLevels = header.kind === 'dataV2' ? stored.subarray(header.repetitionBytes, levels) : undefined;
  return { header, body, definitionLevels };
}

/** A copy of a data page that opens faster: decompressed, and without a checksum of its own. */
export function unpackedPage(page: Uint8Array, where: string): Uint8Array {
  const { header, body } = openPage(page, 'data', where);
  // Stored as it is, such a body would be taken for a frame.
  if (header.kind !== 'data' || isZstd(body)) return Uint8Array.from(page);
  const head = dataPageHeader(header.values, header.encoding, body.length, body, false);
  const copy = new Uint8Array(head.length + body.length);
  copy.set(head);
  copy.set(body, head.length);
  return copy;
}

function decompressBody(stored: Uint8Array, bodyBytes: number, compressed: boolean, where: string): Uint8Array {
  if (!compressed || !isZstd(stored)) {
    if (stored.length !== bodyBytes) throw corrupt(where, 'neither a zstd frame nor stored as it is');
    return stored;
  }
  if (bodyBytes > stored.length * RATIO_MAX) throw corrupt(where, `${stored.length} bytes cannot hold ${bodyBytes}`);
  const body = decompressFrame(stored, bodyBytes);
  if (body === undefined) throw corrupt(where, `zstd frame cannot be decompressed to ${bodyBytes} bytes`);
  return body;
}
