/**
 * Requests that wait to be sent to one endpoint for one tenant, in order, one file each:
 *
 *   <collection, 12 digits>-<part, 4 digits>     a line of JSON, then the compressed body
 *
 * A collection's files are written first and count when the checkpoint names the collection; then they are released. So a
 * crash in between leaves neither a sample whose spans will be counted again, nor a hole. When the files take more than
 * `bytesMax`, the oldest go.
 */
import type { FileSystem } from '../../fs/file-system.ts';
import type { RemoteWriteVersion } from '../../generator/remote-write.ts';
import { makeFolders, readWhole, unlinkIfThere, writeWhole } from './files.ts';

export interface RequestHead {
  readonly version: RemoteWriteVersion;
  readonly samples: number;
  readonly exemplars: number;
  readonly histograms: number;
}

export interface QueuedRequest {
  readonly name: string;
  readonly head: RequestHead;
  readonly body: Uint8Array;
}

interface Entry {
  readonly name: string;
  readonly bytes: number;
}

const namePattern = /^[0-9]{12}-[0-9]{4}$/;
const newLine = 10;

export class SendQueue {
  /** Requests that were dropped because there was no room. */
  droppedRequests = 0;
  readonly #fs: FileSystem;
  readonly #folder: string;
  readonly #bytesMax: number;
  #entries: Entry[] = [];
  #written: Entry[] = [];
  #bytes = 0;
  #wake: (() => void) | undefined;

  constructor(options: { fs: FileSystem; folder: string; bytesMax: number }) {
    this.#fs = options.fs;
    this.#folder = options.folder;
    this.#bytesMax = options.bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Takes up what an earlier run left, up to the collection that was finished last. */
  async open(collection: number): Promise<void> {
    await makeFolders(this.#fs, this.#folder);
    const names = (await this.#fs.readDirectory(this.#folder)).map(({ name }) => name).sort();
    for (const name of names) {
      const path = `${this.#folder}/${name}`;
      if (!namePattern.test(name) || Number(name.slice(0, 12)) > collection) {
        await unlinkIfThere(this.#fs, path);
        continue;
      }
      const { sizeBytes } = await this.#fs.fileStatus(path);
      this.#entries.push({ name, bytes: sizeBytes });
      this.#bytes += sizeBytes;
    }
  }

  /** Durable, but not sent before {@link release}. */
  async write(collection: number, part: number, head: RequestHead, body: Uint8Array): Promise<void> {
    const name = `${String(collection).padStart(12, '0')}-${String(part).padStart(4, '0')}`;
    const line = new TextEncoder().encode(`${JSON.stringify(head)}\n`);
    await writeWhole(this.#fs, this.#folder, name, [line, body]);
    this.#written.push({ name, bytes: line.length + body.length });
  }

  /** What was written may be sent. */
  async release(): Promise<void> {
    for (const entry of this.#written) {
      this.#entries.push(entry);
      this.#bytes += entry.bytes;
    }
    this.#written = [];
    while (this.#bytes > this.#bytesMax && this.#entries.length > 1) {
      await this.remove(this.#entries[0]!.name);
      this.droppedRequests++;
    }
    this.#wake?.();
  }

  /** What was written will not be sent: its collection failed. */
  async discard(): Promise<void> {
    for (const { name } of this.#written.splice(0)) await unlinkIfThere(this.#fs, `${this.#folder}/${name}`);
  }

  /** The oldest request, as soon as there is one; undefined when the signal fires. It stays until it is removed. */
  async next(signal: AbortSignal): Promise<QueuedRequest | undefined> {
    while (!signal.aborted) {
      const first = this.#entries[0];
      if (first === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
        this.#wake = undefined;
        continue;
      }
      const content = await readWhole(this.#fs, `${this.#folder}/${first.name}`);
      const request = content && parseRequest(first.name, content);
      if (request !== undefined) return request;
      // Gone to make room, or not what was written.
      await this.remove(first.name);
    }
    return undefined;
  }

  async remove(name: string): Promise<void> {
    const index = this.#entries.findIndex((entry) => entry.name === name);
    if (index === -1) return;
    this.#bytes -= this.#entries[index]!.bytes;
    this.#entries.splice(index, 1);
    await unlinkIfThere(this.#fs, `${this.#folder}/${name}`);
  }
}

function parseRequest(name: string, content: Uint8Array): QueuedRequest | undefined {
  const end = content.indexOf(newLine);
  if (end === -1) return undefined;
  try {
    const head = JSON.parse(new TextDecoder().decode(content.subarray(0, end))) as RequestHead;
    return { name, head, body: content.subarray(end + 1) };
  } catch {
    return undefined;
  }
}
