/** `auth`: hashes for the `auth` block of a configuration, so that it holds no passwords and no tokens. */
import { createInterface } from 'node:readline';
import { hashPassword } from '../../auth/password-hash.ts';
import { hashToken, makeToken } from '../../auth/token-hash.ts';
import type { Command, Io } from '../io.ts';
import { readOptions, usageError } from '../options.ts';

export const auth: Command = {
  summary: 'make passwords and tokens for a configuration',
  usage: `usage: rubato auth hash | token

  hash      reads a password from standard input, one line, and prints what auth.users[].password_hash takes
  token     makes a bearer token and prints it with what auth.tokens[].token_hash takes
`,
  run: runAuth,
};

async function runAuth(argv: readonly string[], io: Io): Promise<number> {
  const { positionals, isHelp } = readOptions(argv, { help: { type: 'boolean', short: 'h' } } as const, [
    'hash or token',
  ]);
  if (isHelp) {
    io.out(auth.usage);
    return 0;
  }
  switch (positionals[0]) {
    case 'hash': {
      if (process.stdin.isTTY) io.err('password (is not shown):');
      const password = await firstLine(process.stdin);
      if (password === '') throw usageError('an empty password is none');
      io.out(await hashPassword(password));
      return 0;
    }
    case 'token': {
      const token = makeToken();
      io.out(`token:      ${token}\ntoken_hash: ${hashToken(token)}`);
      return 0;
    }
    default:
      throw usageError(`unknown: auth ${JSON.stringify(positionals[0])}`);
  }
}

/** Without output, a terminal shows nothing of what is typed. */
async function firstLine(input: NodeJS.ReadStream): Promise<string> {
  const lines = createInterface({ input, terminal: input.isTTY });
  for await (const line of lines) {
    lines.close();
    return line;
  }
  return '';
}
