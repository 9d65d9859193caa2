/**
 * Brings what is live in any process into blocks, for redaction. Every writer is asked to; one that does not answer in
 * time is taken over like a dead one, which a living one survives (`../write/write-sessions.ts`).
 */
import type { Member } from '../members/member-keys.ts';
import type { WriterDirectory } from '../members/writer-directory.ts';
import type { BackendLog } from './backend-observer.ts';

export interface SettleOptions {
  readonly directory: WriterDirectory;
  /** Has a writer put everything live into blocks. */
  readonly flush: (writer: string, member: Member) => Promise<void>;
  readonly takeOver: (writer: string) => Promise<void>;
  readonly log: BackendLog;
}

/** Resolves when everything that was acknowledged before the call is in blocks. @throws what the store throws */
export async function settleLive({ directory, flush, takeOver, log }: SettleOptions): Promise<void> {
  const settle = async (writer: string, member: Member | undefined): Promise<void> => {
    if (member === undefined) return takeOver(writer);
    try {
      await flush(writer, member);
    } catch (error) {
      log.info({ writer, reason: String(error) }, 'a writer does not put its live data into blocks; it is taken over');
      await takeOver(writer);
    }
  };
  await Promise.all([...(await directory.writers())].map(([writer, member]) => settle(writer, member)));
}
