/** Asks writers for their newest segments and to give them up, as `recent-protocol.ts` has it, over connections that are kept. */
import http from 'node:http';
import https from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import type { Member } from '../members/member-keys.ts';
import { decodeRecent, flushPath, recentPath } from './recent-protocol.ts';
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
  async ask(writer: string, member: Member, after: number): Promise<RecentAnswer> {
    return decodeRecent(await this.#call('GET', `${recentPath}?writer=${writer}&after=${after}`, member));
  }

  /** Has a writer put everything live into blocks. @throws when it does not do so in time, or is not the one that was meant */
  async flush(writer: string, member: Member): Promise<void> {
    await this.#call('POST', `${flushPath}?writer=${writer}`, member);
  }

  #call(method: 'GET' | 'POST', path: string, member: Member): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const options = {
      method,
      agent: member.tls === true ? this.#secure : this.#plain,
      headers: { authorization: `Bearer ${member.token}` },
      signal: AbortSignal.timeout(this.#timeoutMs),
    };
    const url = `${member.tls === true ? 'https' : 'http'}://${member.address}${path}`;
    const request = (member.tls === true ? https : http).request(url, options, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('error', reject);
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve(Buffer.concat(pieces));
        else reject(refused(member, answer.statusCode));
      });
    });
    request.on('error', reject);
    request.end();
    return promise;
  }

  close(): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }
}

function refused({ address }: Member, answer: unknown): RubatoError {
  return new RubatoError(ErrorKind.unavailable, 'writer_refused', `the writer at ${address} answers ${answer}`);
}
