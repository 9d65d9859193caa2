/**
 * The file that `overrides.per_tenant_override_config` names, read again while the process runs:
 *
 *   overrides:
 *     tenant-a: { ingestion: { rate_limit_bytes: 1000000 } }
 *     "*": { … }
 *
 * A file that cannot be read or has a mistake keeps the process from starting, but not from going on: then the last good
 * content stays in force, the mistake is in the log and `tempo_runtime_config_last_reload_successful` is 0.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { checkTenantId } from '../../api/tenant.ts';
import type { Clock } from '../../base/clock.ts';
import { nestLegacyEntry } from '../config/legacy-overrides.ts';
import { type OverridesBlock, overridesBlock } from '../config/overrides-schema.ts';
import { configError, isMapping, YamlFile } from '../config/yaml-file.ts';
import { anyTenant, type RuntimeOverrides } from './tenant-overrides.ts';

const tenantName = z.string().check((context) => {
  if (context.value === anyTenant) return;
  try {
    checkTenantId(context.value);
  } catch (error) {
    context.issues.push({ code: 'custom', message: (error as Error).message, input: context.value });
  }
});

const fileSchema = z.strictObject({
  overrides: z
    .record(
      tenantName,
      // A tenant without any key (`tenant-a:`) has none of the limits.
      overridesBlock.nullable().transform((block): OverridesBlock => block ?? {}),
    )
    .nullish(),
});

export interface RuntimeFileOptions {
  readonly path: string;
  readonly periodMs: number;
  /** Accepts flat keys. */
  readonly legacy: boolean;
  /** What is done to the text before it is parsed. */
  readonly expand: (text: string) => string;
  readonly clock: Clock;
  /** Called when the content is new. */
  readonly onLoad: (overrides: RuntimeOverrides) => void;
  readonly log: { error(fields: object, message: string): void; info(fields: object, message: string): void };
}

/** @throws RubatoError config: one line per mistake, each with its line number */
export function parseRuntimeOverrides(text: string, file: string, legacy: boolean): RuntimeOverrides {
  const yaml = new YamlFile(text, file);
  const entries = yaml.content['overrides'];
  if (legacy && isMapping(entries))
    for (const entry of Object.values(entries)) if (isMapping(entry)) nestLegacyEntry(entry);
  return new Map(Object.entries(yaml.check(fileSchema).overrides ?? {}));
}

export class RuntimeFile {
  readonly #options: RuntimeFileOptions;
  readonly #stop = new AbortController();
  #hash = '';
  #lastReloadSuccessful = false;

  constructor(options: RuntimeFileOptions) {
    this.#options = options;
  }

  get lastReloadSuccessful(): boolean {
    return this.#lastReloadSuccessful;
  }

  /** SHA-256 of the content in force. */
  get hash(): string {
    return this.#hash;
  }

  /** @throws RubatoError config, and then nothing has changed */
  async load(): Promise<void> {
    const { path, expand, legacy, onLoad } = this.#options;
    this.#lastReloadSuccessful = false;
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      throw configError(`cannot read ${path}: ${(error as Error).message}`, error);
    }
    const expanded = expand(text);
    const hash = createHash('sha256').update(expanded).digest('hex');
    if (hash !== this.#hash) {
      onLoad(parseRuntimeOverrides(expanded, path, legacy));
      this.#hash = hash;
    }
    this.#lastReloadSuccessful = true;
  }

  /** Loads again and again until {@link stop}. Runs in the background. */
  async watch(): Promise<void> {
    const { clock, periodMs, log, path } = this.#options;
    let lastMistake = '';
    for (;;) {
      await clock.sleep(periodMs, this.#stop.signal).catch(() => undefined);
      if (this.#stop.signal.aborted) return;
      const before = this.#hash;
      try {
        await this.load();
        if (this.#hash !== before) log.info({ path }, 'limits per tenant were loaded again');
        lastMistake = '';
      } catch (error) {
        const { message } = error as Error;
        // Every few seconds the same line would hide everything else.
        if (message !== lastMistake) log.error({ path, reason: message }, 'limits per tenant stay as they were');
        lastMistake = message;
      }
    }
  }

  stop(): void {
    this.#stop.abort();
  }
}
