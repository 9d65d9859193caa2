/** A network namespace of Linux, joined with the machine's own by a line that can be cut. Needs root. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The reason to skip, or false. */
export function missingNamespaces(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'SKIPPED: network namespaces need root on Linux';
  const name = `rubato-try-${process.pid}`;
  if (spawnSync('ip', ['netns', 'add', name]).status !== 0)
    return 'SKIPPED: network namespaces cannot be made here (ip netns add)';
  execFileSync('ip', ['netns', 'del', name]);
  return false;
}

export interface Namespace {
  /** Runs a program inside: goes before its command line. */
  readonly command: readonly string[];
  /** The machine's end of the line, as it is reached from inside. */
  readonly outerAddress: string;
  /** The body of a GET from inside; rejects unless its status is 200. */
  get(url: string): Promise<string>;
  cut(): Promise<void>;
  mend(): Promise<void>;
  remove(): Promise<void>;
}

const getScript = `
const answer = await fetch(process.argv[1], { signal: AbortSignal.timeout(20_000) });
const body = await answer.text();
if (answer.status !== 200) throw new Error(answer.status + ': ' + body);
process.stdout.write(body);`;

export async function makeNamespace(): Promise<Namespace> {
  const id = process.pid % 60_000;
  const name = `rubato-${id}`;
  const outer = `rbo${id}`;
  const inner = `rbi${id}`;
  const subnet = `10.${200 + (id >> 14)}.${(id >> 6) & 255}.${(id & 63) * 4}`;
  const [first, last] = [subnet.replace(/\d+$/, ''), Number(subnet.split('.')[3])];
  const outerAddress = `${first}${last + 1}`;
  const ip = (...args: string[]): Promise<unknown> => run('ip', args);
  await ip('netns', 'add', name);
  try {
    await ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', inner, 'netns', name);
    await ip('addr', 'add', `${outerAddress}/30`, 'dev', outer);
    await ip('link', 'set', outer, 'up');
    await ip('-n', name, 'addr', 'add', `${first}${last + 2}/30`, 'dev', inner);
    await ip('-n', name, 'link', 'set', inner, 'up');
    await ip('-n', name, 'link', 'set', 'lo', 'up');
  } catch (error) {
    await ip('netns', 'del', name);
    throw error;
  }
  const command = ['ip', 'netns', 'exec', name];
  return {
    command,
    outerAddress,
    async get(url) {
      const args = [...command.slice(1), process.execPath, '--input-type=module', '-e', getScript, url];
      return (await run(command[0]!, args, { maxBuffer: 64 << 20 })).stdout;
    },
    cut: async () => void (await ip('link', 'set', outer, 'down')),
    mend: async () => void (await ip('link', 'set', outer, 'up')),
    remove: async () => void (await ip('netns', 'del', name)),
  };
}
