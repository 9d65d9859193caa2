/**
 * A process that dies between storing and committing, for tests: consumes a topic as the server does, sends each message
 * on to an OTLP endpoint, says `stored`, and never comes back from storing it. Arguments: broker, topic, group, URL.
 */
import { systemClock } from '../../src/base/clock.ts';
import { BodyGate } from '../../src/roles/write/body-gate.ts';
import { KafkaReceiver } from '../../src/roles/write/kafka-receiver.ts';
import { postSpans } from './server.ts';

const [broker, topic, groupId, url] = process.argv.slice(2) as [string, string, string, string];
const quiet = (): void => undefined;
const receiver = new KafkaReceiver({
  brokers: [broker],
  topics: [topic],
  encoding: 'otlp_proto',
  groupId,
  clientId: 'dies',
  fromBeginning: true,
  // The mock broker lets a group gather for 3 s; who is not heard from for longer than this is out.
  sessionTimeoutMs: 6000,
  heartbeatIntervalMs: 500,
  sasl: undefined,
  tls: undefined,
  ingest: {
    push: async (_tenant, body) => {
      const status = await postSpans(url, body);
      process.stdout.write(status === 200 ? 'stored\n' : `status ${status}\n`);
      await new Promise(() => undefined);
    },
  },
  gate: new BodyGate(1 << 20),
  tenantOf: () => 'a',
  clock: systemClock,
  log: { info: quiet, warn: quiet, error: quiet },
});
await receiver.listen();
