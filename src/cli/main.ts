/**
 * The command line. The first word is a command; without one, or when flags come first, the server starts. Only what the
 * command needs is loaded.
 */
import { ErrorKind, RubatoError } from '../base/errors.ts';

// Whoever read our output has enough of it.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

try {
  await main(process.argv.slice(2));
} catch (error) {
  // What has a reason gets the reason alone; anything else is ours and gets the stack.
  const known = error instanceof RubatoError && error.kind !== ErrorKind.corrupt;
  process.stderr.write(`rubato: ${known ? error.message : ((error as Error).stack ?? String(error))}\n`);
  process.exitCode = known && error.kind === ErrorKind.config ? 2 : 1;
  // A server that failed to start may have left threads behind.
  process.exit();
}

async function main(argv: readonly string[]): Promise<void> {
  const [first = ''] = argv;
  if (first === '' || first.startsWith('-') || first === 'serve') {
    const { serve } = await import('./serve.ts');
    return serve(first === 'serve' ? argv.slice(1) : argv);
  }
  const { runCommand } = await import('./run-command.ts');
  process.exitCode = await runCommand(argv);
}
