/** The body of an answer as bytes: of the length that was announced, or an error. */
import type { Readable } from 'node:stream';
import { unavailable } from './object-store.ts';

/** @param length as the answer's head announced it. @throws kind `unavailable` when more or less arrives */
export async function readStream(stream: Readable, length: number, signal?: AbortSignal): Promise<Uint8Array> {
  const onAbort = (): void =>
    void stream.destroy(signal!.reason instanceof Error ? signal!.reason : new Error('aborted'));
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const bytes = new Uint8Array(length);
    let at = 0;
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      if (at + chunk.length > length) throw tornBody(length, at + chunk.length);
      bytes.set(chunk, at);
      at += chunk.length;
    }
    if (at !== length) throw tornBody(length, at);
    return bytes;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

function tornBody(length: number, got: number): Error {
  return unavailable('store_torn', `the store announced ${length} bytes and sent ${got}`);
}
