/**
 * Calls between threads of this process: a map of async functions on one side, `call` on the other, over a MessagePort.
 * Arguments and results are structured-cloned; SharedArrayBuffers pass by reference. Errors keep kind, code and message.
 */
import type { MessagePort, Worker } from 'node:worker_threads';
import { ErrorKind, RubatoError } from '../base/errors.ts';

export type Handlers = Readonly<Record<string, (argument: never) => unknown>>;

export type Port = MessagePort | Worker;

interface CallMessage {
  readonly call: number;
  readonly method: string;
  readonly argument: unknown;
}

interface ReplyMessage {
  readonly reply: number;
  readonly result?: unknown;
  readonly error?: { readonly kind?: ErrorKind; readonly code?: string; readonly message: string };
}

/** Answers calls that arrive on the port. */
export function serve(port: Port, handlers: Handlers): void {
  port.on('message', (message: CallMessage | ReplyMessage) => {
    if ('call' in message) void answer(port, handlers, message);
  });
}

async function answer(port: Port, handlers: Handlers, { call, method, argument }: CallMessage): Promise<void> {
  try {
    const handler = handlers[method];
    if (handler === undefined) throw new Error(`no method ${method}`);
    port.postMessage({ reply: call, result: await handler(argument as never) } satisfies ReplyMessage);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const known = error instanceof RubatoError ? { kind: error.kind, code: error.code } : {};
    port.postMessage({ reply: call, error: { ...known, message } } satisfies ReplyMessage);
  }
}

/** The calling side of a port. */
export class ThreadClient {
  readonly #port: Port;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #next = 0;
  #closed: Error | undefined;

  constructor(port: Port) {
    this.#port = port;
    port.on('message', (message: CallMessage | ReplyMessage) => {
      if (!('reply' in message)) return;
      const waiting = this.#waiting.get(message.reply);
      this.#waiting.delete(message.reply);
      const error = message.error;
      if (error === undefined) waiting?.resolve(message.result);
      else if (error.kind === undefined) waiting?.reject(new Error(error.message));
      else waiting?.reject(new RubatoError(error.kind, error.code ?? 'thread_error', error.message));
    });
  }

  async call<Result>(method: string, argument?: unknown): Promise<Result> {
    if (this.#closed !== undefined) throw this.#closed;
    const call = this.#next++;
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.set(call, { resolve: resolve as (value: unknown) => void, reject });
      this.#port.postMessage({ call, method, argument } satisfies CallMessage);
    });
  }

  /** The other side is gone: everything that waits, and every later call, fails with this. */
  fail(reason: string): void {
    this.#closed = new RubatoError(ErrorKind.unavailable, 'thread_gone', reason);
    for (const { reject } of this.#waiting.values()) reject(this.#closed);
    this.#waiting.clear();
  }
}
