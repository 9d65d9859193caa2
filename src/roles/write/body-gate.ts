/**
 * Bounds the bytes of request bodies that are in memory at once, over all receivers of a process. A receiver takes room
 * while it reads and gives it back when the request is answered; when there is none the sender is told to come back
 * (429 / ResourceExhausted), so that a fast sender costs itself time and not us memory.
 *
 * A request holds what it has sent, not what it announced: who opens a connection, promises 20 MiB and falls silent must
 * not keep others out. Usual requests are within the first step and know at once whether there is room.
 */
import { ExhaustedError } from '../../base/errors.ts';

/** A body is in memory for tens of milliseconds, so room comes back soon. */
const retryAfterMs = 1000;
const stepBytes = 256 * 1024;

export class BodyGate {
  #heldBytes = 0;
  readonly #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** @param ownBytes what the same request holds already @throws ExhaustedError when the room is taken. */
  take(bytes: number, ownBytes = 0): void {
    // One body may always be read, however large the limit on bodies is set.
    if (this.#heldBytes > ownBytes && this.#heldBytes + bytes > this.#bytesMax) {
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

/** What one request holds of the gate. */
export class HeldBody {
  readonly #gate: BodyGate;
  #bytes = 0;

  constructor(gate: BodyGate) {
    this.#gate = gate;
  }

  /** The head says that so much will come; undefined when it says nothing. @throws ExhaustedError */
  announced(bytes: number | undefined): void {
    this.#grow(Math.min(bytes ?? stepBytes, stepBytes));
  }

  /** So much has come. @throws ExhaustedError */
  received(bytes: number): void {
    if (bytes > this.#bytes) this.#grow(Math.max(stepBytes, bytes - this.#bytes));
  }

  /** So much was made of it, beside it: decompressed, translated. @throws ExhaustedError */
  made(bytes: number): void {
    this.#grow(bytes);
  }

  release(): void {
    this.#gate.give(this.#bytes);
    this.#bytes = 0;
  }

  #grow(bytes: number): void {
    this.#gate.take(bytes, this.#bytes);
    this.#bytes += bytes;
  }
}
