import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeExportResponse, encodeExportResponseJson, encodeStatus, encodeStatusJson } from './export-response.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('success is an empty partial success', () => {
  assert.equal(hex(encodeExportResponse()), '0a00');
  assert.equal(encodeExportResponseJson(), '{"partialSuccess":{}}');
});

test('a status is code and message', () => {
  // Recorded from the OpenTelemetry collector's receiver.
  const message = 'proto: unexpected end of group';
  assert.equal(hex(encodeStatus(3, message)), `0803121e${Buffer.from(message).toString('hex')}`);
  assert.equal(encodeStatusJson(3, 'say "no"'), '{"code":3,"message":"say \\"no\\""}');
  assert.equal(hex(encodeStatus(0, '')), '');
});

test('a status may say when to try again', () => {
  const name = Buffer.from('type.googleapis.com/google.rpc.RetryInfo').toString('hex');
  assert.equal(hex(encodeStatus(8, 'x', 5)), `0808120178${`1a30${`0a28${name}`}${'12040a020805'}`}`);
  assert.equal(hex(encodeStatus(8, 'x', 0.25)).slice(-18), '12070a051080e59a77');
  const json = (seconds: number): unknown => JSON.parse(encodeStatusJson(8, 'x', seconds)).details[0];
  const type = 'type.googleapis.com/google.rpc.RetryInfo';
  assert.deepEqual(json(5), { '@type': type, retryDelay: '5s' });
  assert.deepEqual(json(0.25), { '@type': type, retryDelay: '0.250s' });
  assert.deepEqual(json(1.000_000_5), { '@type': type, retryDelay: '1.000000500s' });
});
