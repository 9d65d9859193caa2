/** gRPC codes of our error kinds, and their HTTP statuses for OTLP/HTTP. https://opentelemetry.io/docs/specs/otlp/ */
import { UnauthenticatedError } from '../../auth/principal.ts';
import { ErrorKind, ExhaustedError, RubatoError } from '../../base/errors.ts';

export const GrpcCode = {
  ok: 0,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;
export type GrpcCode = (typeof GrpcCode)[keyof typeof GrpcCode];

/** What a sender is told: never the cause of an error, only its code and text. */
export interface SenderStatus {
  readonly grpcCode: GrpcCode;
  readonly httpStatus: number;
  readonly message: string;
  /** Seconds to wait, for Retry-After and RetryInfo. */
  readonly retryAfterSeconds?: number;
  /** For WWW-Authenticate. */
  readonly challenges?: readonly string[];
}

export function senderStatus(error: unknown): SenderStatus {
  if (!(error instanceof RubatoError)) {
    return { grpcCode: GrpcCode.unavailable, httpStatus: 503, message: 'internal error, the spans were not stored' };
  }
  const message = error.message;
  if (error.code === 'body_too_large') return { grpcCode: GrpcCode.resourceExhausted, httpStatus: 413, message };
  if (error.code === 'sender_too_slow') return { grpcCode: GrpcCode.deadlineExceeded, httpStatus: 408, message };
  // Agents retry 503 and drop what is answered 401: Tempo's choice, kept (contract 2.5).
  if (error.code === 'no_org_id') return { grpcCode: GrpcCode.unavailable, httpStatus: 503, message };
  switch (error.kind) {
    case ErrorKind.invalid:
      return { grpcCode: GrpcCode.invalidArgument, httpStatus: 400, message };
    case ErrorKind.unauthenticated: {
      const status = { grpcCode: GrpcCode.unauthenticated, httpStatus: 401, message };
      return error instanceof UnauthenticatedError ? { ...status, challenges: error.challenges } : status;
    }
    case ErrorKind.forbidden:
      return { grpcCode: GrpcCode.permissionDenied, httpStatus: 403, message };
    case ErrorKind.exhausted: {
      const retryAfterMs = error instanceof ExhaustedError ? error.retryAfterMs : 5000;
      const status = { grpcCode: GrpcCode.resourceExhausted, httpStatus: 429, message };
      return retryAfterMs === 0 ? status : { ...status, retryAfterSeconds: Math.ceil(retryAfterMs / 1000) };
    }
    default:
      return { grpcCode: GrpcCode.unavailable, httpStatus: 503, message };
  }
}
