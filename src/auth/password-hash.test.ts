import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashPassword, isPassword, parsePasswordHash } from './password-hash.ts';
import { hashToken, makeToken, mayBeToken, tokenHashPattern } from './token-hash.ts';

const costs = { logN: 14, r: 8, p: 1 };

test('a password is known by its hash, however its accents are composed, and no other is', async () => {
  const hash = parsePasswordHash(await hashPassword('caf\u00e9', costs))!;
  assert.equal(await isPassword('cafe\u0301', hash), true);
  assert.equal(await isPassword('cafe', hash), false);
  assert.notEqual(await hashPassword('a', costs), await hashPassword('a', costs));
});

test('hashes of other kinds, cheap ones and ruinous ones are refused', () => {
  const [salt, hash] = ['A'.repeat(22), 'A'.repeat(43)];
  assert.ok(parsePasswordHash(`scrypt:15:8:3:${salt}:${hash}`));
  for (const text of [
    '',
    'password',
    `scrypt:10:8:3:${salt}:${hash}`,
    `scrypt:30:8:3:${salt}:${hash}`,
    `scrypt:15:99:3:${salt}:${hash}`,
    `scrypt:15:8:0:${salt}:${hash}`,
    `scrypt:15:8:3::${hash}`,
    `scrypt:15:8:3:${salt}:${hash.slice(1)}`,
    '$2b$10$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuuabcdefghij',
  ])
    assert.equal(parsePasswordHash(text), undefined, text);
});

test('a token that was made is known by its hash, and one that was thought up is none', () => {
  const token = makeToken();
  assert.match(hashToken(token), tokenHashPattern);
  assert.ok(mayBeToken(token));
  assert.ok(!mayBeToken('letmein'));
});
