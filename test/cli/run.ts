/** Commands of the command line run in this process, with what they write kept. */
import { systemClock } from '../../src/base/clock.ts';
import { ErrorKind, RubatoError } from '../../src/base/errors.ts';
import { runCommand } from '../../src/cli/run-command.ts';
import { noPaint } from '../../src/cli/text/paint.ts';

export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** As `main.ts` ends: a wrong command line is 2, a reason is 1. What is nobody's fault but ours is thrown. */
export async function rubato(argv: readonly string[], width = 120): Promise<CommandResult> {
  let out = '';
  let err = '';
  const io = {
    out: (text: string) => void (out += text.endsWith('\n') ? text : `${text}\n`),
    err: (text: string) => void (err += text.endsWith('\n') ? text : `${text}\n`),
    width,
    paint: noPaint,
    clock: systemClock,
  };
  try {
    return { code: await runCommand(argv, io), out, err };
  } catch (error) {
    if (!(error instanceof RubatoError)) throw error;
    return { code: error.kind === ErrorKind.config ? 2 : 1, out, err: `${err}${error.message}\n` };
  }
}

/** Text with every point in time written as the same. */
export function timeless(text: string): string {
  return text.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}/g, 'YYYY-MM-DD hh:mm:ss.mmm');
}
