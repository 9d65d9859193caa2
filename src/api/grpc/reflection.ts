/**
 * grpc.reflection: lets grpcurl and similar clients find out what is served. v1 and v1alpha differ in name only. Answers
 * hold a file and all files that it imports.
 */
import { createRegistry, type DescFile, type DescService, type Registry, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code } from '@connectrpc/connect';
import type { ServerReflectionRequest as RequestV1 } from '../generated/grpc/reflection/v1/reflection_pb.ts';
import type { ServerReflectionRequest as RequestV1Alpha } from '../generated/grpc/reflection/v1alpha/reflection_pb.ts';

type Request = RequestV1 | RequestV1Alpha;

type Answer =
  | { case: 'fileDescriptorResponse'; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: 'listServicesResponse'; value: { service: { name: string }[] } }
  | { case: 'allExtensionNumbersResponse'; value: { baseTypeName: string } }
  | { case: 'errorResponse'; value: { errorCode: number; errorMessage: string } };

export class Reflection {
  readonly #services: readonly DescService[];
  readonly #files = new Map<string, DescFile>();
  readonly #registry: Registry;

  constructor(services: readonly DescService[]) {
    this.#services = services;
    for (const { file } of services) for (const each of withImports(file)) this.#files.set(each.proto.name, each);
    this.#registry = createRegistry(...this.#files.values());
  }

  async *serve<Each extends Request>(
    requests: AsyncIterable<Each>,
  ): AsyncGenerator<{ validHost: string; originalRequest: Each; messageResponse: Answer }> {
    for await (const request of requests)
      yield {
        validHost: request.host,
        originalRequest: request,
        messageResponse: this.#answer(request.messageRequest),
      };
  }

  #answer(request: Request['messageRequest']): Answer {
    switch (request.case) {
      case 'listServices': {
        const service = this.#services.map(({ typeName }) => ({ name: typeName }));
        return { case: 'listServicesResponse', value: { service } };
      }
      case 'fileByFilename':
        return fileAnswer(this.#files.get(request.value), request.value);
      case 'fileContainingSymbol':
        return fileAnswer(this.#fileOf(request.value), request.value);
      case 'allExtensionNumbersOfType':
        if (this.#fileOf(request.value) === undefined) return notFound(request.value);
        return { case: 'allExtensionNumbersResponse', value: { baseTypeName: request.value } };
      case 'fileContainingExtension':
        return notFound(`${request.value.containingType} ${request.value.extensionNumber}`);
      default:
        return { case: 'errorResponse', value: { errorCode: Code.InvalidArgument, errorMessage: 'empty request' } };
    }
  }

  /** The file of a message, enum or service, or of what stands in one: a field, a method. */
  #fileOf(symbol: string): DescFile | undefined {
    const found = this.#registry.get(symbol) ?? this.#registry.get(symbol.slice(0, symbol.lastIndexOf('.')));
    return found?.file;
  }
}

function withImports(file: DescFile): Set<DescFile> {
  const files = new Set([file]);
  for (const each of files) for (const imported of each.dependencies) files.add(imported);
  return files;
}

function fileAnswer(file: DescFile | undefined, name: string): Answer {
  if (file === undefined) return notFound(name);
  const files = [...withImports(file)].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto: files } };
}

function notFound(name: string): Answer {
  return { case: 'errorResponse', value: { errorCode: Code.NotFound, errorMessage: `not found: ${name}` } };
}
