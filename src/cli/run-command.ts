/** Finds the command that the first word names and runs it, on this process' terminal unless told otherwise. */
import { systemClock } from '../base/clock.ts';
import type { Command, Io } from './io.ts';
import { usageError } from './options.ts';
import { ansiPaint, noPaint } from './text/paint.ts';

/** Loaded when it is their turn. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  search: async () => (await import('./commands/search.ts')).search,
  query: async () => (await import('./commands/query.ts')).query,
  metrics: async () => (await import('./commands/metrics.ts')).metrics,
  tags: async () => (await import('./commands/tags.ts')).tags,
  values: async () => (await import('./commands/tags.ts')).values,
  trace: async () => (await import('./commands/trace.ts')).trace,
  blocks: async () => (await import('./commands/blocks.ts')).blocks,
  wal: async () => (await import('./commands/wal.ts')).wal,
  import: async () => (await import('./commands/import.ts')).importCommand,
  sql: async () => (await import('./commands/sql.ts')).sql,
  redact: async () => (await import('./commands/redact.ts')).redact,
  auth: async () => (await import('./commands/auth.ts')).auth,
  config: async () => (await import('./commands/config.ts')).config,
  vulture: async () => (await import('./vulture/command.ts')).vulture,
  agent: async () => (await import('./commands/agent.ts')).agent,
};

/** Resolves with the exit code. @throws RubatoError config for a command line that is wrong */
export async function runCommand(argv: readonly string[], io: Io = processIo()): Promise<number> {
  const [name = '', ...rest] = argv;
  if (name === 'help') return help(rest[0], io);
  return (await load(name)).run(rest, io);
}

function load(name: string): Promise<Command> {
  const loader = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (loader === undefined)
    throw usageError(`unknown command ${JSON.stringify(name)}; commands are ${['serve', ...names].join(', ')}, help`);
  return loader();
}

const names = Object.keys(commands);

async function help(name: string | undefined, io: Io): Promise<number> {
  if (name === 'serve') io.out((await import('./args.ts')).serveUsage);
  else if (name !== undefined) io.out((await load(name)).usage);
  else {
    const lines = ['usage: rubato COMMAND [flags]', '', `  ${'serve'.padEnd(10)}run the server (the default)`];
    for (const each of names) lines.push(`  ${each.padEnd(10)}${(await load(each)).summary}`);
    lines.push(`  ${'help'.padEnd(10)}this text; help COMMAND for the flags of a command`);
    io.out(lines.join('\n'));
  }
  return 0;
}

function processIo(): Io {
  const { stdout, stderr, env } = process;
  const columns = stdout.isTTY ? stdout.columns : Number(env['COLUMNS']);
  const line = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`);
  return {
    out: (text) => void stdout.write(line(text)),
    err: (text) => void stderr.write(line(text)),
    width: columns > 0 ? columns : undefined,
    // https://no-color.org: any value but an empty one.
    paint: stdout.isTTY && !env['NO_COLOR'] ? ansiPaint : noPaint,
    clock: systemClock,
  };
}
