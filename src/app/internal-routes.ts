/**
 * What processes of one cluster ask each other, on the HTTP port below `/internal/`. It is no part of the API: no tenant and
 * no user gets there, only who shows the token that stands in the writer's member object in the store.
 */
import type { Request, Response } from '../api/http/reply.ts';
import { flushPath, mayAsk, recentPath } from '../roles/tail/recent-protocol.ts';
import type { RecentQuestion } from './write-thread.ts';

export interface InternalRoutes {
  readonly token: string;
  /** An answer in bytes: `recent-protocol.ts`. Undefined when that writer is not of this process. */
  readonly recent: (question: RecentQuestion) => Promise<Uint8Array | undefined>;
  /** Puts what a writer has live into blocks. False when it is not of this process. */
  readonly giveUpSegments: (writer: string) => Promise<boolean>;
}

export async function answerInternal(routes: InternalRoutes, request: Request, response: Response): Promise<void> {
  const end = (status: number, body: Uint8Array | string): void => {
    response.statusCode = status;
    response.setHeader('content-type', typeof body === 'string' ? 'text/plain' : 'application/octet-stream');
    response.setHeader('content-length', String(body.length));
    (response as { end(chunk: Uint8Array | string): void }).end(body);
  };
  if (!mayAsk(request.headers, routes.token)) return end(403, 'forbidden\n');
  const url = new URL(request.url ?? '', 'http://internal');
  const writer = url.searchParams.get('writer') ?? '';
  try {
    let answer: Uint8Array | string | undefined;
    if (url.pathname === recentPath && request.method === 'GET') {
      const after = Number(url.searchParams.get('after'));
      if (!Number.isSafeInteger(after) || after < 0) return end(400, 'after is a segment number\n');
      answer = await routes.recent({ writer, after });
    } else if (url.pathname === flushPath && request.method === 'POST') {
      answer = (await routes.giveUpSegments(writer)) ? 'done\n' : undefined;
    }
    // Another writer may have got the address of one that is gone, or this process goes on under another id.
    if (answer === undefined) end(404, 'not found\n');
    else end(200, answer);
  } catch {
    end(503, 'the write role does not answer\n');
  }
}
