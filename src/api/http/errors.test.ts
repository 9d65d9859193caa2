import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnauthenticatedError } from '../../auth/principal.ts';
import { errorReply } from './errors.ts';

test('a page with a form of its own is not challenged in a way that browsers answer themselves', () => {
  const error = new UnauthenticatedError(['Basic realm="rubato"', 'Bearer realm="rubato"']);
  const challenge = (asksItself: boolean) => errorReply(error, asksItself).headers?.['www-authenticate'];
  assert.equal(challenge(false), 'Basic realm="rubato", Bearer realm="rubato"');
  assert.equal(challenge(true), 'xBasic realm="rubato", Bearer realm="rubato"');
});
