/** Hands large bodies to the translation thread, one at a time; starts it when it is first needed and again when it died. */
import { Worker } from 'node:worker_threads';
import type { TranslationRequest, TranslationThread } from '../roles/write/translator.ts';
import { ThreadClient } from './thread-rpc.ts';

/** A body that makes more garbage than this ends the thread, and is refused, instead of ending the process. */
const resourceLimits = { maxYoungGenerationSizeMb: 32, maxOldGenerationSizeMb: 1024 };

export class TranslateThread implements TranslationThread {
  #running: { worker: Worker; client: ThreadClient } | undefined;

  translate(request: TranslationRequest): Promise<Uint8Array> {
    this.#running ??= this.#start();
    return this.#running.client.call('translate', request);
  }

  async close(): Promise<void> {
    await this.#running?.worker.terminate();
  }

  #start(): { worker: Worker; client: ThreadClient } {
    const worker = new Worker(new URL('./translate-thread.ts', import.meta.url), { resourceLimits });
    const client = new ThreadClient(worker);
    const gone = (reason: string): void => {
      this.#running = undefined;
      client.fail(reason);
    };
    worker.on('error', (error) => gone(`the translation of a request failed: ${error.message}`));
    worker.on('exit', () => gone('the translation thread ended'));
    return { worker, client };
  }
}
