/** Cuts off senders that stand still in the middle of a request, or drip it in: what they hold is needed by others. */
import { ErrorKind, RubatoError } from '../../base/errors.ts';

export interface SenderTimes {
  /** For the head of a request, and for a new connection to say that it speaks HTTP/2. */
  readonly headMs: number;
  /** Between two pieces of a body. Exporters give up on a request after 10 s. */
  readonly stallMs: number;
  /** For a whole request. */
  readonly requestMs: number;
  /** An HTTP/2 connection without calls is told to go. */
  readonly idleSessionMs: number;
}

export const defaultSenderTimes: SenderTimes = {
  headMs: 10_000,
  stallMs: 15_000,
  requestMs: 60_000,
  idleSessionMs: 15 * 60_000,
};

/** Watches one body from its first byte to its last. */
export class SenderWatch {
  readonly #stalled: NodeJS.Timeout;
  readonly #late: NodeJS.Timeout;

  /** Tells at most once, and nothing after `done`. */
  constructor({ stallMs, requestMs }: SenderTimes, tell: (error: RubatoError) => void) {
    const cut = (reason: string): void => {
      this.done();
      tell(new RubatoError(ErrorKind.canceled, 'sender_too_slow', `the request is cut off: ${reason}`));
    };
    this.#stalled = setTimeout(() => cut(`nothing came for ${stallMs} ms`), stallMs);
    this.#late = setTimeout(() => cut(`it was not whole after ${requestMs} ms`), requestMs);
  }

  progress(): void {
    this.#stalled.refresh();
  }

  done(): void {
    clearTimeout(this.#stalled);
    clearTimeout(this.#late);
  }
}
