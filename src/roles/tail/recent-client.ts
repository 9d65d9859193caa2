/** Asks writers for their newest segments, as `recent-protocol.ts` has it, over connections that are kept. */
import http from 'node:http';
import https from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import type { Member } from '../members/member-keys.ts';
import { decodeRecent, recentPath } from './recent-protocol.ts';
import type { RecentAnswer } from './recent-segments.ts';

/** For writers that speak TLS. */
export interface PeerTls extends Pick<SecureContextOptions, 'ca' | 'cert' | 'key'> {
  /** The name that their certificates are for, when it is not what they are reached by. */
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

export class RecentClient {
  readonly #timeoutMs: number;
  readonly #plain = new http.Agent({ keepAlive: true });
  #secure: https.Agent;

  constructor(timeoutMs: number, tls: PeerTls = {}) {
    this.#timeoutMs = timeoutMs;
    this.#secure = new https.Agent({ keepAlive: true, ...tls });
  }

  /** New connections use renewed certificates; old ones are not used again and end when the writers let them go. */
  renewTls(tls: PeerTls): void {
    this.#secure = new https.Agent({ keepAlive: true, ...tls });
  }

  /** @throws when the writer does not answer in time, or is not the one that was meant */
  ask(writer: string, member: Member, after: number): Promise<RecentAnswer> {
    const url = `${member.tls === true ? 'https' : 'http'}://${member.address}${recentPath}?writer=${writer}&after=${after}`;
    const { promise, resolve, reject } = Promise.withResolvers<RecentAnswer>();
    const options = {
      agent: member.tls === true ? this.#secure : this.#plain,
      headers: { authorization: `Bearer ${member.token}` },
      signal: AbortSignal.timeout(this.#timeoutMs),
    };
    const request = (member.tls === true ? https : http).get(url, options, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('error', reject);
      answer.on('end', () => {
        try {
          if (answer.statusCode !== 200) throw refused(writer, answer.statusCode);
          resolve(decodeRecent(Buffer.concat(pieces)));
        } catch (error) {
          reject(error);
        }
      });
    });
    request.on('error', reject);
    return promise;
  }

  close(): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }
}

function refused(writer: string, status: number | undefined): RubatoError {
  return new RubatoError(ErrorKind.unavailable, 'writer_refused', `writer ${writer} answers ${status}`);
}
