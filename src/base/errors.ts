/**
 * One base error for everything that is not a bug. `kind` tells the caller what to do; `code` is stable and may be
 * shown to clients, as may `message`; `cause` is for our own logs only.
 */
export const ErrorKind = {
  /** The request is wrong; sending it again changes nothing. HTTP 400, gRPC InvalidArgument. */
  invalid: 'invalid',
  /** Nobody knows who asks. HTTP 401, gRPC Unauthenticated. */
  unauthenticated: 'unauthenticated',
  /** Who asks may not. HTTP 403, gRPC PermissionDenied. */
  forbidden: 'forbidden',
  /** The thing asked for does not exist. HTTP 404. */
  notFound: 'notFound',
  /** The caller sends or asks too much; may be retried later. HTTP 429, gRPC ResourceExhausted. */
  exhausted: 'exhausted',
  /** Something we depend on does not answer just now; retry. HTTP 503, gRPC Unavailable. */
  unavailable: 'unavailable',
  /** Somebody else won a race (put-if-absent); reload and decide again. */
  conflict: 'conflict',
  /** The caller went away or its deadline passed. HTTP 499. */
  canceled: 'canceled',
  /** Stored bytes are not what was written. Says where. HTTP 500. */
  corrupt: 'corrupt',
  /** The configuration cannot be used; the process does not start. */
  config: 'config',
} as const;
export type ErrorKind = (typeof ErrorKind)[keyof typeof ErrorKind];

export class RubatoError extends Error {
  readonly kind: ErrorKind;
  readonly code: string;

  constructor(kind: ErrorKind, code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'RubatoError';
    this.kind = kind;
    this.code = code;
  }
}

/** Input that can never be accepted. */
export function invalid(code: string, message: string, cause?: unknown): RubatoError {
  return new RubatoError(ErrorKind.invalid, code, message, cause);
}

/** Stored bytes that fail a check. `where` names object and byte offset. */
export function corrupt(where: string, what: string, cause?: unknown): RubatoError {
  return new RubatoError(ErrorKind.corrupt, 'corrupt_data', `${where}: ${what}`, cause);
}

/** The caller sends too much; `retryAfterMs` is the pause it is told to make. */
export class ExhaustedError extends RubatoError {
  readonly retryAfterMs: number;

  constructor(code: string, message: string, retryAfterMs: number) {
    super(ErrorKind.exhausted, code, message);
    this.retryAfterMs = retryAfterMs;
  }
}
