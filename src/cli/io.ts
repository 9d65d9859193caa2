/** Where a command writes, and what it may assume about who reads it. */
import type { Clock } from '../base/clock.ts';
import type { Paint } from './text/paint.ts';

export interface Io {
  /** One line or several on standard output; the end of line is added. */
  out(text: string): void;
  /** The same on standard error: what is not part of the answer. */
  err(text: string): void;
  /** Columns of the terminal; undefined when a program or file reads, which gets lines in full. */
  readonly width: number | undefined;
  readonly paint: Paint;
  readonly clock: Clock;
}

export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  readonly usage: string;
  /** Resolves with the exit code: 0 done, 1 not. A wrong command line throws kind `config`, which ends with 2. */
  run(argv: readonly string[], io: Io): Promise<number>;
}
