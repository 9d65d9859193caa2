/**
 * The gRPC API as a handler for requests of a `node:http2` server: Tempo's streaming queries, Jaeger's query API, health
 * and reflection. Only gRPC with protobuf is spoken; its JSON form and gRPC-Web are refused.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { DescService } from '@bufbuild/protobuf';
import {
  Code,
  type ConnectError,
  type ConnectRouter,
  createConnectRouter,
  createContextValues,
} from '@connectrpc/connect';
import type { UniversalServerResponse } from '@connectrpc/connect/protocol';
import {
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from '@connectrpc/connect-node';
import { openToAll } from '../../auth/principal.ts';
import { Health } from '../generated/grpc/health/v1/health_pb.ts';
import { ServerReflection } from '../generated/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ServerReflectionV1Alpha } from '../generated/grpc/reflection/v1alpha/reflection_pb.ts';
import { QueryService } from '../generated/jaeger/api_v3/query_service_pb.ts';
import { StreamingQuerier } from '../generated/tempopb_pb.ts';
import { jaegerQueryService } from '../jaeger/query-service.ts';
import type { ApiPorts } from '../ports.ts';
import { connectError, type GrpcApiOptions, principalKey, TenantCalls } from './call.ts';
import { healthService } from './health.ts';
import { Reflection } from './reflection.ts';
import { streamingQuerier } from './streaming-querier.ts';

export type { GrpcApiOptions };

export interface GrpcApi {
  /** For requests whose content type starts with `application/grpc`. */
  handle(request: Http2ServerRequest, response: Http2ServerResponse): void;
}

/** gRPC's own default. Requests are short: a query, names, times. */
const defaultReadBytesMax = 4 * 1024 * 1024;
/** Tempo's. Answers are cut into packets long before. */
const defaultWriteBytesMax = 16 * 1024 * 1024;

const services: readonly DescService[] = [
  StreamingQuerier,
  QueryService,
  Health,
  ServerReflection,
  ServerReflectionV1Alpha,
];

/** `shutdown` ends calls that would go on for ever. */
export function createGrpcApi(ports: ApiPorts, options: GrpcApiOptions, shutdown: AbortSignal): GrpcApi {
  const router = createConnectRouter({
    grpc: true,
    grpcWeb: false,
    connect: false,
    acceptCompression: [compressionGzip],
    readMaxBytes: options.readBytesMax ?? defaultReadBytesMax,
    writeMaxBytes: options.writeBytesMax ?? defaultWriteBytesMax,
  });
  const { authentication = openToAll } = ports;
  addServices(router, ports, options, shutdown);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));

  async function answer(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
    const url = request.url;
    const handler = handlers.get(url);
    if (!isProtobuf(request.headers['content-type'] ?? '')) {
      response.writeHead(415).end();
    } else if (handler === undefined) {
      refuse(response, { code: Code.Unimplemented, rawMessage: `unknown method ${url}` });
    } else {
      const values = createContextValues();
      if (handler.service.typeName !== Health.typeName) {
        const caller = { headers: request.headers, address: request.socket.remoteAddress };
        try {
          values.set(principalKey, await authentication.authenticate(caller));
        } catch (error) {
          return refuse(response, connectError(error));
        }
      }
      const answered = await handler(universalRequestFromNodeRequest(request, undefined, values));
      await universalResponseToNodeResponse(withPlainMessage(answered), response);
    }
  }

  return {
    handle(request, response) {
      answer(request, response).catch((error: unknown) => {
        // A connection that is gone is no news: calls have seen it by their signal.
        if (!response.stream?.destroyed) {
          ports.onError(error, { method: 'gRPC', url: request.url });
          response.stream.close();
        }
      });
    },
  };
}

function addServices(router: ConnectRouter, ports: ApiPorts, options: GrpcApiOptions, shutdown: AbortSignal): void {
  const calls = new TenantCalls(ports, options);
  const { status, clock } = ports;
  const reflection = new Reflection(services);
  const known = new Set(services.map(({ typeName }) => typeName));
  router
    .service(StreamingQuerier, streamingQuerier(ports, calls, options.packetBytesMax))
    .service(QueryService, jaegerQueryService(ports, calls))
    .service(Health, healthService({ status, clock, services: known, shutdown }))
    .service(ServerReflection, { serverReflectionInfo: (requests) => reflection.serve(requests) })
    .service(ServerReflectionV1Alpha, { serverReflectionInfo: (requests) => reflection.serve(requests) });
}

function refuse(response: Http2ServerResponse, { code, rawMessage }: Pick<ConnectError, 'code' | 'rawMessage'>): void {
  response.writeHead(200, {
    'content-type': 'application/grpc',
    'grpc-status': String(code),
    'grpc-message': encodeURI(rawMessage),
  });
  response.end();
}

/**
 * connect-es escapes more of an error's text than gRPC asks for, and grpc-js does not undo all of that: `%3A` for a colon
 * would be shown to people. The text is known when the body ends.
 */
function withPlainMessage(response: UniversalServerResponse): UniversalServerResponse {
  const { body, trailer } = response;
  if (body === undefined || trailer === undefined) return response;
  const plain = async function* (): AsyncGenerator<Uint8Array> {
    yield* body;
    const message = trailer.get('grpc-message');
    if (message !== null) trailer.set('grpc-message', encodeURI(decodeURIComponent(message)));
  };
  return { ...response, body: plain() };
}

/** `application/grpc` or `application/grpc+proto`, with parameters or without. */
function isProtobuf(contentType: string): boolean {
  return /^application\/grpc(\+proto)?\s*(;|$)/i.test(contentType);
}
