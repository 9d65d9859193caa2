/**
 * Static bearer tokens. They are made at random with 256 bits, so one SHA-256 keeps them as safe as a slow hash would, and a
 * request costs microseconds. What is shorter than a made one is refused: nobody can use a token that they thought up.
 */
import { createHash, randomBytes } from 'node:crypto';

const prefix = 'rbt_';
const tokenBytes = 32;
const tokenLengthMin = 43;

export function makeToken(): string {
  return prefix + randomBytes(tokenBytes).toString('base64url');
}

/** `sha256:<hex>`, as configurations have it. */
export function hashToken(token: string): string {
  return `sha256:${createHash('sha256').update(token).digest('hex')}`;
}

export const tokenHashPattern = /^sha256:[0-9a-f]{64}$/;

export const mayBeToken = (text: string): boolean => text.length >= tokenLengthMin;
