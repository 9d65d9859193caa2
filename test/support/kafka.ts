/** A Kafka broker for tests: librdkafka's mock cluster inside kcat, one broker, everything in memory. */
import { spawn, spawnSync } from 'node:child_process';
import { Kafka, logLevel, Partitioners, type Producer } from 'kafkajs';

/** The reason to skip, or false. */
export function missingKcat(): string | false {
  return spawnSync('kcat', ['-V']).error === undefined ? false : 'SKIPPED: there is no kcat on the PATH';
}

export interface MockBroker {
  /** `host:port` */
  readonly address: string;
  stop(): void;
}

export function startMockBroker(): Promise<MockBroker> {
  // It lives as long as kcat waits for messages to produce.
  const child = spawn('kcat', ['-P', '-t', 'unused', '-b', 'unused', '-X', 'test.mock.num.brokers=1'], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    let text = '';
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`kcat ended with code ${code}: ${text}`)));
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const address = /replaced with (\S+:\d+)/.exec(text)?.[1];
      if (address !== undefined) resolve({ address, stop: () => void child.kill('SIGKILL') });
    });
  });
}

export async function connectProducer(broker: MockBroker): Promise<Producer> {
  const kafka = new Kafka({ brokers: [broker.address], clientId: 'test', logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  return producer;
}

/** The next offset that the group has committed for partition 0, or -1. */
export async function committedOffset(broker: MockBroker, groupId: string, topic: string): Promise<number> {
  const kafka = new Kafka({ brokers: [broker.address], clientId: 'test', logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  try {
    const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
    return Number(found?.partitions.find(({ partition }) => partition === 0)?.offset ?? -1);
  } finally {
    await admin.disconnect();
  }
}
