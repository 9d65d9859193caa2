/** Remote write of all tenants to all endpoints: a queue and a sender for each pair, made when first needed. */
import { compress } from 'snappyjs';
import type { Clock } from '../../base/clock.ts';
import type { Rng } from '../../base/random.ts';
import type { FileSystem } from '../../fs/file-system.ts';
import type { Generator } from '../../generator/generator.ts';
import type { Label } from '../../generator/labels.ts';
import { RemoteWriteEncoder } from '../../generator/remote-write.ts';
import { makeFolders } from './files.ts';
import { type Endpoint, RemoteWriteClient } from './remote-write-client.ts';
import { SendQueue } from './send-queue.ts';
import { Sender, type SenderCounters } from './sender.ts';

export interface RemoteWriteOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly fs: FileSystem;
  readonly folder: string;
  readonly endpoints: readonly Endpoint[];
  readonly userAgent: string;
  readonly addedLabels: (tenant: string) => readonly Label[];
  readonly headers: (tenant: string) => Readonly<Record<string, string>>;
  readonly log: { warn(fields: object, message: string): void };
}

export type RemoteWriteStatus = readonly {
  readonly tenant: string;
  readonly endpoint: string;
  readonly waitingRequests: number;
  readonly waitingBytes: number;
  readonly droppedRequests: number;
  readonly counters: SenderCounters;
}[];

type CollectOptions = Parameters<Generator['collect']>[1];

const drainStepMs = 50;

export class RemoteWrite {
  readonly #options: RemoteWriteOptions;
  readonly #clients: ReadonlyMap<Endpoint, RemoteWriteClient>;
  /** By endpoint and tenant. */
  readonly #senders = new Map<string, Sender>();
  #collection = 0;

  constructor(options: RemoteWriteOptions) {
    this.#options = options;
    const { endpoints, userAgent, clock } = options;
    this.#clients = new Map(endpoints.map((endpoint) => [endpoint, new RemoteWriteClient(endpoint, userAgent, clock)]));
  }

  /** Goes on sending what an earlier run left. */
  async open(collection: number): Promise<void> {
    const { fs } = this.#options;
    this.#collection = collection;
    for (const endpoint of this.#options.endpoints) {
      const folder = this.#folderOf(endpoint);
      await makeFolders(fs, folder);
      for (const { name, isDirectory } of await fs.readDirectory(folder))
        if (isDirectory) await this.#senderOf(endpoint, decodeURIComponent(name));
    }
  }

  /** Writes a collection of one tenant; {@link release} lets it go. */
  async write(
    tenant: string,
    collection: number,
    generator: Generator,
    options: CollectOptions,
    traceIdLabel: string,
  ): Promise<void> {
    // New series say once that they were zero, so all endpoints' samples come from one pass.
    const encoders = this.#options.endpoints.map((endpoint) => ({
      endpoint,
      encoder: new RemoteWriteEncoder({
        version: this.#clients.get(endpoint)!.version,
        nowMs: options.nowMs,
        addedLabels: this.#options.addedLabels(tenant),
        samplesMax: endpoint.samplesMax,
        traceIdLabel,
        exemplars: endpoint.exemplars,
        nativeHistograms: true,
      }),
    }));
    generator.collect(
      {
        family: (name, type) => {
          for (const { encoder } of encoders) encoder.family(name, type);
        },
        sample: (sample) => {
          for (const { encoder } of encoders) encoder.sample(sample);
        },
        native: (sample) => {
          for (const { encoder } of encoders) encoder.native(sample);
        },
      },
      options,
    );
    for (const { endpoint, encoder } of encoders) {
      const { queue } = await this.#senderOf(endpoint, tenant);
      let part = 0;
      for (const { bytes, samples, exemplars, histograms } of encoder.finish()) {
        const head = { version: encoder.version, samples, exemplars, histograms };
        await queue.write(collection, part++, head, compress(Buffer.from(bytes)));
      }
    }
  }

  async release(): Promise<void> {
    for (const { queue } of this.#senders.values()) await queue.release();
  }

  async discard(): Promise<void> {
    for (const { queue } of this.#senders.values()) await queue.discard();
  }

  status(): RemoteWriteStatus {
    return [...this.#senders.values()].map(({ tenant, endpoint, queue, counters }) => ({
      tenant,
      endpoint,
      waitingRequests: queue.length,
      waitingBytes: queue.bytes,
      droppedRequests: queue.droppedRequests,
      counters: { ...counters },
    }));
  }

  /** Resolves when nothing waits any more, or the time is over. */
  async drain(withinMs: number): Promise<void> {
    const { clock } = this.#options;
    for (let leftMs = withinMs; leftMs > 0; leftMs -= drainStepMs) {
      if ([...this.#senders.values()].every(({ queue }) => queue.length === 0)) return;
      await clock.sleep(drainStepMs);
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#senders.values()].map((sender) => sender.stop()));
    for (const client of this.#clients.values()) client.close();
  }

  #folderOf({ name }: Endpoint): string {
    return `${this.#options.folder}/remote-write/${encodeURIComponent(name)}`;
  }

  async #senderOf(endpoint: Endpoint, tenant: string): Promise<Sender> {
    const key = `${endpoint.name}\u0000${tenant}`;
    const known = this.#senders.get(key);
    if (known !== undefined) return known;
    const { fs, clock, rng, headers, log } = this.#options;
    const folder = `${this.#folderOf(endpoint)}/${encodeURIComponent(tenant)}`;
    const queue = new SendQueue({ fs, folder, bytesMax: endpoint.queueBytesMax });
    await queue.open(this.#collection);
    const client = this.#clients.get(endpoint)!;
    const sender = new Sender({ tenant, endpoint, client, queue, headers: () => headers(tenant), clock, rng, log });
    this.#senders.set(key, sender);
    sender.start();
    return sender;
  }
}
