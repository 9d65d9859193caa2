/**
 * The web UI: files that were built before, and its page at every address that the app understands. It is what the router
 * falls back to, so it never stands before an API route. `/status` is both a page of the app and plain text for
 * operators: who asks for HTML gets the page.
 */
import { notFound } from './errors.ts';
import { type Reply, type Request, textType } from './reply.ts';

export interface UiFile {
  readonly contentType: string;
  /** The name holds a hash of the content: it never changes. */
  readonly immutable: boolean;
  readonly bytes: Uint8Array;
  readonly gzip?: Uint8Array;
  readonly brotli?: Uint8Array;
}

/** By path, `/index.html` among them. Empty when the UI was not built. */
export type UiFiles = ReadonlyMap<string, UiFile>;

const securityHeaders = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
} as const;

const appPath = /^\/(?:search|explore|services|status|setup|trace(?:\/[^/]*)?)?$/;

export function uiReply(files: UiFiles, request: Request): Reply {
  if (request.method !== 'GET' && request.method !== 'HEAD') return notFound;
  const path = (request.url ?? '').split('?', 1)[0]!;
  const file = files.get(path);
  if (file !== undefined) return fileReply(file, request);
  return appPath.test(path) && wantsHtml(request) ? pageReply(files, request) : notFound;
}

/** The app's page. */
export function pageReply(files: UiFiles, request: Request): Reply {
  const index = files.get('/index.html');
  return index === undefined ? notBuilt : fileReply(index, request);
}

export function wantsHtml(request: Request): boolean {
  return String(request.headers.accept ?? '').includes('text/html');
}

const notBuilt: Reply = {
  status: 404,
  contentType: textType,
  headers: { 'x-content-type-options': 'nosniff' },
  body: 'The web UI is not built; `npm run up` builds it. The API answers without it.\n',
};

function fileReply(file: UiFile, request: Request): Reply {
  const headers: Record<string, string> = {
    ...securityHeaders,
    vary: 'Accept-Encoding',
    'cache-control': file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
  const { contentType } = file;
  const taken = String(request.headers['accept-encoding'] ?? '');
  if (file.brotli !== undefined && /\bbr\b(?!;\s*q=0(?![.\d]*[1-9]))/.test(taken))
    return { contentType, headers: { ...headers, 'content-encoding': 'br' }, body: file.brotli };
  if (file.gzip !== undefined && /\bgzip\b(?!;\s*q=0(?![.\d]*[1-9]))/.test(taken))
    return { contentType, headers: { ...headers, 'content-encoding': 'gzip' }, body: file.gzip };
  return { contentType, headers, body: file.bytes };
}
