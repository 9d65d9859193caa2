/** Translates large request bodies in a thread of its own, so that none of them delays the answers to other senders. */
import { parentPort } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { type TranslationRequest, translate } from '../roles/write/translator.ts';
import { serve } from './thread-rpc.ts';

assert(parentPort !== null, 'this file is the entry of a thread');

serve(parentPort, {
  translate(request: TranslationRequest): Uint8Array {
    const message = translate(request);
    // What is cloned is the whole memory below it.
    return message.byteLength === message.buffer.byteLength ? message : message.slice();
  },
});
