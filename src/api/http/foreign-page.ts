/** Requests that web pages of others have a visitor's browser send, with the visitor's rights. */
import type { Request } from './reply.ts';

/**
 * A browser says which page sends a request. A page of another host must not talk to us, nor one that had its own name point
 * to this machine in order to look like us (DNS rebinding): on the loopback interface we are called by loopback names.
 */
export function isForeignPage(request: Request): boolean {
  const { origin, host } = request.headers;
  if (origin === undefined) return false;
  const page = URL.parse(String(origin));
  const name = URL.parse(`http://${String(request.headers[':authority'] ?? host ?? '')}`)?.hostname;
  if (page === null || name === undefined || page.hostname !== name) return true;
  return isLoopback(request.socket.localAddress ?? '') && !isLoopback(name);
}

function isLoopback(name: string): boolean {
  return name === 'localhost' || /^(::ffff:)?127\./.test(name) || name === '::1' || name === '[::1]';
}
