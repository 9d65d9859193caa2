/** Looks into a segment's bytes, damaged or not, for people: what is there, what is wrong, what can still be taken out. */
import zlib from 'node:zlib';
import { RubatoError } from '../base/errors.ts';
import {
  decodeHeader,
  decodeSegment,
  type SegmentEntry,
  type SegmentHeader,
  segmentHeaderBytes,
  splitEntries,
} from './segment-codec.ts';

export interface SegmentInspection {
  /** Undefined when not even that can be read. */
  readonly header: SegmentHeader | undefined;
  /** Length, checksum, body and entries are as written. Otherwise see problem. */
  readonly intact: boolean;
  readonly problem: string | undefined;
  /** All of an intact segment; of a damaged one those at the beginning that could be taken out, their content unchecked. */
  readonly entries: readonly SegmentEntry[];
}

/** At most this much is taken out of a damaged segment, whatever its header claims. */
const rescuedBytesMax = 256 << 20;

export async function inspectSegment(name: string, bytes: Uint8Array): Promise<SegmentInspection> {
  try {
    const { header, entries } = await decodeSegment(name, bytes);
    return { header, intact: true, problem: undefined, entries };
  } catch (error) {
    if (!(error instanceof RubatoError)) throw error;
    const header = headerOf(name, bytes);
    return {
      header,
      intact: false,
      problem: error.message,
      entries: header === undefined ? [] : rescue(bytes, header),
    };
  }
}

function headerOf(name: string, bytes: Uint8Array): SegmentHeader | undefined {
  try {
    return decodeHeader(name, bytes);
  } catch {
    return undefined;
  }
}

/** Decompresses as far as whole zstd blocks (up to 128 KiB of content each) go. */
function rescue(bytes: Uint8Array, header: SegmentHeader): readonly SegmentEntry[] {
  const compressed = bytes.subarray(segmentHeaderBytes + header.writer.length);
  try {
    const body = zlib.zstdDecompressSync(compressed, {
      finishFlush: zlib.constants.ZSTD_e_flush,
      maxOutputLength: rescuedBytesMax,
    });
    return splitEntries(body).entries;
  } catch {
    return [];
  }
}
