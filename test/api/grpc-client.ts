/** gRPC as other programs speak it: @grpc/grpc-js over the published .proto files, without our generated code. */
import path from 'node:path';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const protoFolder = path.resolve(import.meta.dirname, '../../proto');

const definition = grpc.loadPackageDefinition(
  protoLoader.loadSync(
    [
      'tempopb.proto',
      'jaeger/api_v3/query_service.proto',
      'grpc/health/v1/health.proto',
      'grpc/reflection/v1/reflection.proto',
      'grpc/reflection/v1alpha/reflection.proto',
    ],
    // Names, 64-bit numbers, bytes and numbers that JSON has no form for as in the JSON form of protobuf.
    { includeDirs: [protoFolder], longs: String, enums: String, bytes: String, json: true },
  ),
);

export type Message = Record<string, unknown>;

export interface GrpcClient {
  /** All messages of a stream, in order, each with the time since the call. @throws the status when it is not OK. */
  stream(method: string, request: Message, options?: CallOptions): Promise<TimedMessage[]>;
  unary(method: string, request: Message, options?: CallOptions): Promise<Message>;
  /** One request over a stream in both directions. */
  exchange(method: string, request: Message): Promise<Message>;
  close(): void;
}

export interface TimedMessage {
  readonly message: Message;
  readonly atMs: number;
}

export interface CallOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
}

/** `service`: its full name. `address`: host:port. */
export function grpcClient(service: string, address: string): GrpcClient {
  const Client = service
    .split('.')
    .reduce(
      (at, name) => (at as Record<string, unknown>)[name],
      definition as unknown,
    ) as grpc.ServiceClientConstructor;
  const client = new Client(address, grpc.credentials.createInsecure());
  const start = (method: string, request: Message, options: CallOptions, done?: grpc.requestCallback<Message>) => {
    const metadata = new grpc.Metadata();
    for (const [name, value] of Object.entries(options.metadata ?? {})) metadata.set(name, value);
    const callOptions = options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs };
    const call = client[method]!.call(client, request, metadata, callOptions, done);
    options.signal?.addEventListener('abort', () => call.cancel(), { once: true });
    return call;
  };
  return {
    stream: (method, request, options = {}) =>
      new Promise((resolve, reject) => {
        const startMs = performance.now();
        const messages: TimedMessage[] = [];
        start(method, request, options)
          .on('data', (message: Message) => messages.push({ message, atMs: performance.now() - startMs }))
          .on('error', reject)
          .on('end', () => resolve(messages));
      }),
    unary: (method, request, options = {}) =>
      new Promise((resolve, reject) => {
        start(method, request, options, (error, answer) => (error === null ? resolve(answer!) : reject(error)));
      }),
    exchange: (method, request) =>
      new Promise((resolve, reject) => {
        const call = client[method]!.call(client);
        call.on('data', resolve).on('error', reject);
        call.write(request);
        call.end();
      }),
    close: () => client.close(),
  };
}

/** What a client has after a stream: lists by the key of their items, the rest as last seen. */
export function merged(messages: readonly TimedMessage[], list: string, key: (item: Message) => unknown): Message[] {
  const items = new Map<string, Message>();
  for (const { message } of messages)
    for (const item of (message[list] ?? []) as Message[]) items.set(JSON.stringify(key(item)), item);
  return [...items.values()];
}
