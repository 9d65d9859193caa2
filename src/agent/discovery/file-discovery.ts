/**
 * `file_sd_configs`: lists of targets in JSON or YAML files, read again when they change. A file that cannot be read or
 * understood keeps what it said last; one that is removed takes its targets along.
 *
 * Files are looked at every few seconds rather than watched by the kernel, whose notices do not survive the way
 * Kubernetes replaces the files of a ConfigMap, and are not sent at all on some network file systems.
 */
import path from 'node:path';
import { parse as parseYaml } from 'yaml';
import type { Clock } from '../../base/clock.ts';
import { type FileSystem, fileErrorCode } from '../../fs/file-system.ts';
import { readTextFile } from '../read-text-file.ts';
import { type Discovery, type DiscoveryStatus, type OnGroup, parseGroups, staticTargets } from './target.ts';

export interface FileDiscoveryOptions {
  /** The last part of each may hold `*`. */
  readonly files: readonly string[];
  readonly lookEveryMs: number;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
}

export class FileDiscovery implements Discovery {
  readonly status: DiscoveryStatus = { kind: 'file', failures: 0, lastError: undefined };
  readonly #options: FileDiscoveryOptions;
  /** File to its size and time when it was read, and how many groups it had. */
  readonly #read = new Map<string, { version: string; groupCount: number }>();

  constructor(options: FileDiscoveryOptions) {
    this.#options = options;
  }

  async run(onGroup: OnGroup, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look(onGroup);
      await this.#options.clock.sleep(this.#options.lookEveryMs, signal).catch(() => undefined);
    }
  }

  async #look(onGroup: OnGroup): Promise<void> {
    const found = new Set<string>();
    let failure: string | undefined;
    for (const pattern of this.#options.files) {
      for (const file of await this.#matching(pattern)) {
        found.add(file);
        try {
          await this.#readFile(file, onGroup);
        } catch (error) {
          // Removed between the two looks: it will be missed at the next.
          if (fileErrorCode(error) === 'ENOENT') continue;
          failure = `${file}: ${error instanceof Error ? error.message : String(error)}`;
        }
      }
    }
    for (const [file, { groupCount }] of [...this.#read]) {
      if (found.has(file)) continue;
      this.#read.delete(file);
      for (let index = 0; index < groupCount; index++) onGroup(`${file}:${index}`, []);
    }
    if (failure !== undefined && failure !== this.status.lastError) this.status.failures++;
    this.status.lastError = failure;
  }

  async #readFile(file: string, onGroup: OnGroup): Promise<void> {
    const { fileSystem } = this.#options;
    const { sizeBytes, modifiedUnixMs } = await fileSystem.fileStatus(file);
    const version = `${sizeBytes} ${modifiedUnixMs}`;
    const before = this.#read.get(file);
    if (before?.version === version) return;
    const text = await readTextFile(fileSystem, file);
    const groups = parseGroups(file.endsWith('.json') ? JSON.parse(text) : (parseYaml(text) ?? []));
    for (const [index, group] of groups.entries())
      onGroup(`${file}:${index}`, staticTargets(group, { __meta_filepath: file }));
    for (let index = groups.length; index < (before?.groupCount ?? 0); index++) onGroup(`${file}:${index}`, []);
    this.#read.set(file, { version, groupCount: groups.length });
  }

  async #matching(pattern: string): Promise<string[]> {
    const folder = path.dirname(pattern);
    const name = path.basename(pattern);
    if (!name.includes('*')) {
      const exists = await this.#options.fileSystem.fileStatus(pattern).catch(() => undefined);
      return exists === undefined ? [] : [pattern];
    }
    const parts = name.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    const regex = new RegExp(`^${parts.join('.*')}$`);
    const entries = await this.#options.fileSystem.readDirectory(folder).catch(() => []);
    return entries
      .filter((entry) => !entry.isDirectory && regex.test(entry.name))
      .map((entry) => path.join(folder, entry.name))
      .sort();
  }
}
