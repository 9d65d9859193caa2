import { ErrorKind, RubatoError } from '../base/errors.ts';
import type { Position } from './ast.ts';

/**
 * `syntax`: the text is not TraceQL. `check`: it is, but cannot be meant (types, limits, unsupported forms).
 * Either way sending it again changes nothing.
 */
export type TraceQLErrorCode = 'traceql_syntax' | 'traceql_check';

/** A query that is refused. `reason` is the message without the place. */
export class TraceQLError extends RubatoError {
  readonly line: number;
  readonly column: number;
  readonly offset: number;
  readonly reason: string;

  /** `context` is put in front of the message. */
  constructor(code: TraceQLErrorCode, position: Position, reason: string, context?: string) {
    const place = code === 'traceql_syntax' ? `parse error at line ${position.line}, col ${position.column}: ` : '';
    super(ErrorKind.invalid, code, `${context === undefined ? '' : `${context}: `}${place}${reason}`);
    this.name = 'TraceQLError';
    this.line = position.line;
    this.column = position.column;
    this.offset = position.offset;
    this.reason = reason;
  }
}
