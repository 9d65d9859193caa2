/**
 * Where writers tell of themselves. Each writer has one small object, replaced every few seconds; its id is that of the
 * writer's segments. A seal says that a writer's segments are somebody else's business from now on.
 *
 *   members/write/<writer>   JSON: how to reach it, and when it was renewed. Removed when it has no segments any more.
 *   sealed/<writer>          JSON: when. The writer acknowledges nothing once this is there.
 */
import { writerIdPattern } from '../../wal/segment-keys.ts';

export const writersPrefix = 'members/write/';
export const sealsPrefix = 'sealed/';

export const memberKey = (writer: string): string => writersPrefix + writer;
export const sealKey = (writer: string): string => sealsPrefix + writer;

/** The writer that a key below `prefix` is of; undefined for what is not ours. */
export function writerOfKey(prefix: string, key: string): string | undefined {
  const id = key.slice(prefix.length);
  return writerIdPattern.test(id) ? id : undefined;
}

export interface Member {
  /** `host:port` of its HTTP port, as others reach it. */
  readonly address: string;
  /** What a caller must show. Who can read the store can read everything anyway. */
  readonly token: string;
  /** Its HTTP port speaks TLS. */
  readonly tls?: boolean;
  /** Its process makes the metrics of its spans, so that nobody else does. */
  readonly countsMetrics?: boolean;
}

const encoder = new TextEncoder();

export function encodeMember(member: Member, renewedUnixMs: number): Uint8Array {
  return encoder.encode(JSON.stringify({ ...member, renewedUnixMs }));
}

/** Undefined when it is not what {@link encodeMember} writes: then the writer cannot be asked, only its segments read. */
export function decodeMember(bytes: Uint8Array): Member | undefined {
  try {
    const { address, token, tls, countsMetrics } = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Member>;
    if (typeof address !== 'string' || typeof token !== 'string') return undefined;
    return { address, token, ...(tls === true && { tls }), ...(countsMetrics === true && { countsMetrics }) };
  } catch {
    return undefined;
  }
}

export function encodeSeal(sealedUnixMs: number): Uint8Array {
  return encoder.encode(JSON.stringify({ sealedUnixMs }));
}

/** When it was sealed; undefined when the object is not one of ours. */
export function sealedUnixMs(bytes: Uint8Array): number | undefined {
  try {
    const { sealedUnixMs: at } = JSON.parse(new TextDecoder().decode(bytes)) as { sealedUnixMs?: unknown };
    return typeof at === 'number' ? at : undefined;
  } catch {
    return undefined;
  }
}
