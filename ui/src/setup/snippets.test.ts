import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Target, ways } from './snippets.ts';

const target: Target = { httpUrl: 'http://traces.example:4318', grpcAddress: 'traces.example:4317', tenant: '' };
const textOf = (name: string, to: Target): string =>
  ways
    .find((way) => way.name === name)!
    .steps(to)
    .map(({ code }) => code)
    .join('\n');

test('seven languages, a collector and a shell send to this server', () => {
  const senders = ways.map(({ name }) => name).filter((name) => name !== 'demo');
  assert.deepEqual(senders, ['go', 'java', 'python', 'node', 'dotnet', 'ruby', 'php', 'collector', 'shell']);
  for (const name of senders) {
    assert.match(textOf(name, target), /http:\/\/traces\.example:4318/, name);
    assert.doesNotMatch(textOf(name, target), /OrgID/, name);
  }
});

test('a tenant is named in every way, whatever it is called', () => {
  for (const { name } of ways.filter((way) => way.name !== 'demo'))
    assert.match(textOf(name, { ...target, tenant: 'team-a' }), /X-Scope-OrgID\W+team-a/, name);
  assert.match(textOf('shell', { ...target, tenant: "o'hara" }), /'X-Scope-OrgID: o'\\''hara'/);
  assert.match(textOf('go', { ...target, tenant: 'a b' }), /X-Scope-OrgID=a%20b/);
});
