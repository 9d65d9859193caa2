/**
 * Bounds the bytes of request bodies that are in memory at once, over all receivers of a process. A receiver takes room
 * before it reads and gives it back when the request is answered; when there is none the sender is told to come back
 * (429 / ResourceExhausted), so that a fast sender costs itself time and not us memory.
 */
import { ExhaustedError } from '../../base/errors.ts';

/** A body is in memory for tens of milliseconds, so room comes back soon. */
const retryAfterMs = 1000;

export class BodyGate {
  #heldBytes = 0;
  readonly #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** @throws ExhaustedError when the room is taken. */
  take(bytes: number): void {
    // One body may always be read, however large the limit on bodies is set.
    if (this.#heldBytes > 0 && this.#heldBytes + bytes > this.#bytesMax) {
      throw new ExhaustedError(
        'receiver_busy',
        `the receiver holds ${this.#heldBytes} bytes of unanswered requests (limit ${this.#bytesMax}); try again later`,
        retryAfterMs,
      );
    }
    this.#heldBytes += bytes;
  }

  give(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}
