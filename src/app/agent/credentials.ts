/** The Authorization header that a part of the configuration asks for; files are read anew each time. */
import { readFile } from 'node:fs/promises';
import type { Credentials } from './config.ts';

export async function authorization(config: Credentials): Promise<Record<string, string>> {
  const { basic_auth: basic, bearer_token: token, bearer_token_file: tokenFile } = config;
  if (basic !== undefined) {
    const password = basic.password ?? (await readFile(basic.password_file!, 'utf8')).trim();
    return { authorization: `Basic ${Buffer.from(`${basic.username}:${password}`).toString('base64')}` };
  }
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  if (tokenFile !== undefined) return { authorization: `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}` };
  return {};
}
