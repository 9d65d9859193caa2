import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr, TrustedProxy } from './trusted-proxy.ts';

const proxy = new TrustedProxy({
  cidrs: ['10.0.0.0/8', '192.168.1.1', 'fd00::/8'],
  userHeader: 'x-user',
  rolesHeader: 'x-roles',
  tenantsHeader: 'x-tenants',
  roles: [],
  tenants: [],
});

test('only addresses of the proxy are the proxy', () => {
  const isProxy = (address: string | undefined): boolean => proxy.isProxy({ headers: {}, address });
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '192.168.1.1', 'fd12::1', 'fd12::1%eth0'])
    assert.ok(isProxy(address), address);
  for (const address of ['11.0.0.1', '192.168.1.2', 'fe80::1', '::1', '', 'proxy', undefined])
    assert.ok(!isProxy(address), address);
});

test('user, roles and tenants are what the headers say, and unknown roles are none', () => {
  const headers = { 'x-user': 'ann', 'x-roles': 'read, root', 'x-tenants': 'a,b' };
  const principal = proxy.principal({ headers, address: '10.0.0.1' });
  assert.deepEqual(principal, { name: 'proxy:ann', roles: new Set(['read']), tenants: new Set(['a', 'b']) });
});

test('two user headers are nobody', () => {
  assert.equal(proxy.principal({ headers: { 'x-user': 'ann, bob' }, address: '10.0.0.1' }), undefined);
  assert.equal(proxy.principal({ headers: {}, address: '10.0.0.1' }), undefined);
});

test('what is no network is refused', () => {
  for (const text of ['', 'localhost', '10.0.0.0/33', '10.0.0.0/x', '10.0.0.0/8/8', '::/129', '10.0.0'])
    assert.equal(parseCidr(text), undefined, text);
});
