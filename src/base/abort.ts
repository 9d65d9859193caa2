import { ErrorKind, RubatoError } from './errors.ts';

/** The error of work that was given up because its caller went away or ran out of time. */
export function canceled(signal: AbortSignal): RubatoError {
  return new RubatoError(ErrorKind.canceled, 'canceled', 'the request was canceled', signal.reason);
}

/** @throws RubatoError of kind `canceled` when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw canceled(signal);
}
