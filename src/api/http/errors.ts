/** Errors → status and text. Bodies are plain text; what is our fault says no more than that. */
import { UnauthenticatedError } from '../../auth/principal.ts';
import { ErrorKind, ExhaustedError, RubatoError } from '../../base/errors.ts';
import { type Reply, textType } from './reply.ts';

const statusByKind: Readonly<Record<ErrorKind, number>> = {
  [ErrorKind.invalid]: 400,
  [ErrorKind.unauthenticated]: 401,
  [ErrorKind.forbidden]: 403,
  [ErrorKind.notFound]: 404,
  [ErrorKind.exhausted]: 429,
  [ErrorKind.unavailable]: 503,
  [ErrorKind.conflict]: 500,
  [ErrorKind.canceled]: 499,
  [ErrorKind.corrupt]: 500,
  [ErrorKind.config]: 500,
};

/** Codes for which HTTP has a better status than their kind says. */
const statusByCode: Readonly<Record<string, number>> = {
  no_org_id: 401,
  trace_too_large: 422,
  no_if_match: 428,
  version_mismatch: 412,
  body_too_large: 413,
  // Asking again would not help: the same query needs as much again.
  query_memory: 422,
  metrics_too_many_series: 422,
  regex_time: 422,
};

export function statusOf(error: unknown): number {
  if (!(error instanceof RubatoError)) return 500;
  return statusByCode[error.code] ?? statusByKind[error.kind];
}

/** `asksItself`: the client is a page with a form of its own, as `X-Requested-With` says. */
export function errorReply(error: unknown, asksItself = false): Reply {
  const status = statusOf(error);
  const headers = headersOf(error, asksItself);
  return { status, contentType: textType, body: textOf(error, status), compressible: true, headers };
}

function headersOf(error: unknown, asksItself: boolean): Record<string, string> {
  if (error instanceof UnauthenticatedError) {
    // A browser that reads `Basic` opens a window of its own, and the page hears nothing before that is closed.
    const challenges = asksItself
      ? error.challenges.map((each) => each.replace(/^Basic\b/, 'xBasic'))
      : error.challenges;
    return { 'www-authenticate': challenges.join(', ') };
  }
  if (error instanceof ExhaustedError) return { 'retry-after': String(Math.ceil(error.retryAfterMs / 1000)) };
  return {};
}

function textOf(error: unknown, status: number): string {
  if (!(error instanceof RubatoError)) return 'internal error';
  return status === 499 ? 'context canceled' : error.message;
}

export const notFound: Reply = {
  status: 404,
  contentType: textType,
  headers: { 'x-content-type-options': 'nosniff' },
  body: '404 page not found\n',
};
