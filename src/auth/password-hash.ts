/**
 * Hashes of passwords: `scrypt:<log2 N>:<r>:<p>:<salt>:<hash>`, the last two in base64url. No character of it means anything
 * to a shell, to YAML or to a template. scrypt: RFC 7914; the costs are one of the choices that OWASP's password storage
 * cheat sheet gives as equally strong.
 */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

export interface PasswordHash {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

type Costs = Pick<PasswordHash, 'logN' | 'r' | 'p'>;

/** 32 MiB and some tenths of a second. */
const usualCosts: Costs = { logN: 15, r: 8, p: 3 };
/** What a configuration may ask of a verification: 128 MiB. */
const logNMax = 17;
const saltBytes = 16;
const hashBytes = 32;

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

function hashOf(password: string, salt: Buffer, { logN, r, p }: Costs): Promise<Buffer> {
  const memory = 128 * r * (2 ** logN + p + 2);
  return derive(password.normalize('NFC'), salt, hashBytes, { N: 2 ** logN, r, p, maxmem: 2 * memory });
}

export async function hashPassword(password: string, costs = usualCosts): Promise<string> {
  const salt = randomBytes(saltBytes);
  const hash = await hashOf(password, salt, costs);
  return `scrypt:${costs.logN}:${costs.r}:${costs.p}:${salt.toString('base64url')}:${hash.toString('base64url')}`;
}

/** Undefined for what {@link hashPassword} does not make, and for costs that nobody can mean. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const match = /^scrypt:(\d{1,2}):(\d{1,2}):(\d{1,2}):([\w-]{22,}):([\w-]{43})$/.exec(text);
  if (match === null) return undefined;
  const [logN, r, p] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (logN < 14 || logN > logNMax || r !== 8 || p < 1 || p > 16) return undefined;
  return { logN, r, p, salt: Buffer.from(match[4]!, 'base64url'), hash: Buffer.from(match[5]!, 'base64url') };
}

export async function isPassword(password: string, wanted: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await hashOf(password, wanted.salt, wanted), wanted.hash);
}

/** Compared with when there is no such user, so that the time tells nothing. No password has it. */
export const nobodysHash: PasswordHash = { ...usualCosts, salt: randomBytes(saltBytes), hash: randomBytes(hashBytes) };
