/**
 * Bytes of a segment, format version 1. Little endian. In full, with the reasons: docs/format/wal.md.
 *
 *   offset size
 *        0    4  magic "RWAL"
 *        4    1  version: 1
 *        5    1  compression of the body: 1 zstd
 *        6    2  w: length of the writer's id
 *        8    8  seq
 *       16    8  created, Unix milliseconds
 *       24    4  number of entries
 *       28    4  length of the body before compression
 *       32    4  p: length of the compressed body
 *       36    4  CRC-32 (ISO-HDLC, as zlib's) of bytes 0..36 and of everything from 40 on
 *       40    w  writer's id, ASCII
 *     40+w    p  body: entries one after another
 *
 *   entry:  1 encoding, 1 flags, 2 length of the tenant's id, 4 length of the content, tenant, content
 *
 * CRC-32 rather than CRC-32C because Node has it in native code: 5.6 GB/s, against some 0.5 GB/s in JavaScript.
 */

import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { assert } from '../base/assert.ts';
import { BufferPool } from '../base/buffer-pool.ts';
import { corrupt } from '../base/errors.ts';
import { checkFormat } from '../base/format-version.ts';
import { seqMax } from './segment-keys.ts';

/** What an entry's content is. Numbers are stored: never reuse one. */
export const EntryEncoding = {
  /** opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest */
  otlpProtobuf: 1,
} as const;
export type EntryEncoding = (typeof EntryEncoding)[keyof typeof EntryEncoding];

/** Bits of an entry's flags. Unknown bits are kept and ignored. */
export const EntryFlag = {
  /** The sender asked that no metrics be generated from these spans. */
  noGenerateMetrics: 1,
} as const;

export interface SegmentEntry {
  /** 1 to 255 bytes. */
  readonly tenant: string;
  readonly encoding: EntryEncoding;
  /** 0..255, see {@link EntryFlag}. */
  readonly flags: number;
  readonly body: Uint8Array;
}

export interface SegmentHeader {
  readonly writer: string;
  readonly seq: number;
  readonly createdUnixMs: number;
  readonly entryCount: number;
  readonly bodyBytes: number;
  readonly compressedBytes: number;
}

export interface Segment {
  readonly header: SegmentHeader;
  /** Bodies are views of one buffer. */
  readonly entries: readonly SegmentEntry[];
}

const magic = 0x4c415752;
const formatVersion = 1;
const compressionZstd = 1;
const checksumOffset = 36;
export const segmentHeaderBytes = 40;
const entryHeaderBytes = 8;
const tenantBytesMax = 255;
/** What a reader makes room for at most. Writers stay far below: they cut at a few MiB, or at one request. */
export const segmentBodyBytesMax = 1 << 30;

const compress = promisify(zlib.zstdCompress);
const decompress = promisify(zlib.zstdDecompress);

/** Measured on traces: level 1 costs 0.6 µs a span; 3 takes twice as long for a tenth fewer bytes that live minutes. */
const compressionLevel = 1;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Bytes that an entry takes in the uncompressed body. */
export function entryBytes(entry: SegmentEntry): number {
  const tenantBytes = encoder.encode(entry.tenant).length;
  assert(tenantBytes > 0 && tenantBytes <= tenantBytesMax, 'a tenant id has 1 to 255 bytes');
  return entryHeaderBytes + tenantBytes + entry.body.length;
}

/** Bodies are joined here before they are compressed: two segments are on their way at a time. */
const joinPool = new BufferPool(16 * 1024 * 1024);

/** The body of a segment before compression. `bodyBytes` is the sum of the entries' `entryBytes`. */
export function joinEntries(
  entries: readonly SegmentEntry[],
  bodyBytes: number,
  memory: ArrayBuffer = new ArrayBuffer(bodyBytes),
): Uint8Array {
  const body = new Uint8Array(memory, 0, bodyBytes);
  const view = new DataView(memory);
  let at = 0;
  for (const entry of entries) {
    const tenant = encoder.encode(entry.tenant);
    body[at] = entry.encoding;
    body[at + 1] = entry.flags;
    view.setUint16(at + 2, tenant.length, true);
    view.setUint32(at + 4, entry.body.length, true);
    body.set(tenant, at + entryHeaderBytes);
    body.set(entry.body, at + entryHeaderBytes + tenant.length);
    at += entryHeaderBytes + tenant.length + entry.body.length;
  }
  assert(at === bodyBytes, 'entries fill the body exactly');
  return body;
}

/** Compresses in libuv's pool; the thread goes on. Returns the parts of the object in order. */
export async function encodeSegment(
  identity: { readonly writer: string; readonly seq: number; readonly createdUnixMs: number },
  entries: readonly SegmentEntry[],
  bodyBytes: number,
): Promise<readonly Uint8Array[]> {
  assert(bodyBytes <= segmentBodyBytesMax, 'a segment stays below the size that readers accept');
  const memory = joinPool.take(bodyBytes);
  const body = await compress(joinEntries(entries, bodyBytes, memory), {
    // Room for what traces compress to, so that libuv's pool is mostly entered once and not for every 16 kB of output.
    chunkSize: Math.max(4096, Math.ceil(bodyBytes * 0.45)),
    pledgedSrcSize: bodyBytes,
    params: { [zlib.constants.ZSTD_c_compressionLevel]: compressionLevel },
  }).finally(() => joinPool.give(memory));
  const writer = encoder.encode(identity.writer);
  const head = new Uint8Array(segmentHeaderBytes + writer.length);
  const view = new DataView(head.buffer);
  view.setUint32(0, magic, true);
  view.setUint8(4, formatVersion);
  view.setUint8(5, compressionZstd);
  view.setUint16(6, writer.length, true);
  view.setBigUint64(8, BigInt(identity.seq), true);
  view.setBigUint64(16, BigInt(Math.trunc(identity.createdUnixMs)), true);
  view.setUint32(24, entries.length, true);
  view.setUint32(28, bodyBytes, true);
  view.setUint32(32, body.length, true);
  head.set(writer, segmentHeaderBytes);
  view.setUint32(checksumOffset, checksum(head, body), true);
  return [head, body];
}

/** `head` reaches at least to the end of the fixed header; `rest` is everything behind it. */
function checksum(head: Uint8Array, rest: Uint8Array): number {
  const crc = zlib.crc32(head.subarray(0, checksumOffset));
  return zlib.crc32(rest, zlib.crc32(head.subarray(segmentHeaderBytes), crc));
}

/** The header without the checks that need the whole object. @throws kind `corrupt`, or `newer_format` */
export function decodeHeader(where: string, bytes: Uint8Array): SegmentHeader {
  if (bytes.length < segmentHeaderBytes) throw corrupt(where, `${bytes.length} bytes are too few for a header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== magic) throw corrupt(`${where} at 0`, 'not a segment (magic)');
  checkFormat(`${where} at 4`, 'segment', view.getUint8(4), formatVersion);
  if (view.getUint8(5) !== compressionZstd) throw corrupt(`${where} at 5`, `unknown compression ${view.getUint8(5)}`);
  const writerLength = view.getUint16(6, true);
  const seq = view.getBigUint64(8, true);
  const createdUnixMs = view.getBigUint64(16, true);
  if (seq > BigInt(seqMax)) throw corrupt(`${where} at 8`, 'seq out of range');
  if (createdUnixMs > BigInt(Number.MAX_SAFE_INTEGER)) throw corrupt(`${where} at 16`, 'time out of range');
  if (bytes.length < segmentHeaderBytes + writerLength) throw corrupt(where, "ends within the writer's id");
  return {
    writer: decodeText(
      `${where} at ${segmentHeaderBytes}`,
      bytes.subarray(segmentHeaderBytes, segmentHeaderBytes + writerLength),
    ),
    seq: Number(seq),
    createdUnixMs: Number(createdUnixMs),
    entryCount: view.getUint32(24, true),
    bodyBytes: view.getUint32(28, true),
    compressedBytes: view.getUint32(32, true),
  };
}

/** Length and checksum. @throws kind `corrupt` */
export function verifySegment(where: string, bytes: Uint8Array, header: SegmentHeader): void {
  const expected = segmentHeaderBytes + header.writer.length + header.compressedBytes;
  if (bytes.length !== expected) throw corrupt(where, `has ${bytes.length} bytes, its header says ${expected}`);
  if (header.bodyBytes > segmentBodyBytesMax)
    throw corrupt(`${where} at 28`, `a body of ${header.bodyBytes} bytes is not accepted`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stored = view.getUint32(checksumOffset, true);
  const actual = checksum(bytes.subarray(0, segmentHeaderBytes), bytes.subarray(segmentHeaderBytes));
  if (stored !== actual) throw corrupt(`${where} at ${checksumOffset}`, 'checksum does not match');
}

/** The verified content of a segment. `where` names it in errors. @throws kind `corrupt` */
export async function decodeSegment(where: string, bytes: Uint8Array): Promise<Segment> {
  const header = decodeHeader(where, bytes);
  verifySegment(where, bytes, header);
  const compressed = bytes.subarray(segmentHeaderBytes + header.writer.length);
  let body: Uint8Array;
  try {
    body = await decompress(compressed, {
      chunkSize: Math.max(64, header.bodyBytes),
      maxOutputLength: Math.max(1, header.bodyBytes),
    });
  } catch (error) {
    throw corrupt(where, 'body does not decompress', error);
  }
  if (body.length !== header.bodyBytes)
    throw corrupt(where, `body has ${body.length} bytes, the header says ${header.bodyBytes}`);
  const { entries, endsAt } = splitEntries(body);
  if (endsAt !== body.length || entries.length !== header.entryCount)
    throw corrupt(where, `body holds ${entries.length} whole entries, the header says ${header.entryCount}`);
  return { header, entries };
}

/** As many whole entries as stand at the beginning of the body, and where they end. */
export function splitEntries(body: Uint8Array): { readonly entries: SegmentEntry[]; readonly endsAt: number } {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const entries: SegmentEntry[] = [];
  let at = 0;
  while (at + entryHeaderBytes <= body.length) {
    const encoding = body[at]!;
    const tenantLength = view.getUint16(at + 2, true);
    const contentAt = at + entryHeaderBytes + tenantLength;
    const end = contentAt + view.getUint32(at + 4, true);
    if (end > body.length || tenantLength === 0 || !isEncoding(encoding)) break;
    entries.push({
      tenant: decodeText(`entry at ${at}`, body.subarray(at + entryHeaderBytes, contentAt)),
      encoding,
      flags: body[at + 1]!,
      body: body.subarray(contentAt, end),
    });
    at = end;
  }
  return { entries, endsAt: at };
}

function isEncoding(value: number): value is EntryEncoding {
  return value === EntryEncoding.otlpProtobuf;
}

function decodeText(where: string, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw corrupt(where, 'text is not UTF-8', error);
  }
}
