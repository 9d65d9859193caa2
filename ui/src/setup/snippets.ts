/**
 * How a first trace is sent, by language, with the addresses of this server. SDKs take the address from the variables that
 * the OpenTelemetry specification names, so that code does not hold it.
 */

export interface Target {
  /** As applications reach this server. */
  readonly httpUrl: string;
  readonly grpcAddress: string;
  /** Empty: requests need none. */
  readonly tenant: string;
}

export interface Step {
  readonly title: string;
  readonly code: string;
}

export interface Way {
  readonly name: string;
  readonly label: string;
  readonly steps: (target: Target) => readonly Step[];
}

const variables = ({ httpUrl, tenant }: Target, more: readonly string[] = []): string =>
  [
    'export OTEL_SERVICE_NAME=my-service',
    `export OTEL_EXPORTER_OTLP_ENDPOINT=${httpUrl}`,
    'export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf',
    ...(tenant === '' ? [] : [`export OTEL_EXPORTER_OTLP_HEADERS=X-Scope-OrgID=${encodeURIComponent(tenant)}`]),
    ...more,
  ].join('\n');

const run = (target: Target, command: string, more?: readonly string[]): Step => ({
  title: 'Run it',
  code: `${variables(target, more)}\n${command}`,
});

const lines = (...text: readonly string[]): string => text.join('\n');

export const ways: readonly Way[] = [
  {
    name: 'go',
    label: 'Go',
    steps: (target) => [
      {
        title: 'Add the SDK',
        code: lines(
          'go get go.opentelemetry.io/otel/sdk \\',
          '  go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp \\',
          '  go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp',
        ),
      },
      {
        title: 'Where the program starts',
        code: lines(
          'exporter, err := otlptracehttp.New(ctx)',
          'if err != nil {',
          '\tlog.Fatal(err)',
          '}',
          'provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))',
          'defer provider.Shutdown(ctx)',
          'otel.SetTracerProvider(provider)',
          '',
          'http.Handle("/", otelhttp.NewHandler(handler, "request"))',
        ),
      },
      run(target, 'go run .'),
    ],
  },
  {
    name: 'java',
    label: 'Java',
    steps: (target) => [
      {
        title: 'Get the agent',
        code: 'curl -LO https://github.com/open-telemetry/opentelemetry-java-instrumentation/releases/latest/download/opentelemetry-javaagent.jar',
      },
      run(target, 'java -javaagent:opentelemetry-javaagent.jar -jar app.jar'),
    ],
  },
  {
    name: 'python',
    label: 'Python',
    steps: (target) => [
      {
        title: 'Add the SDK',
        code: lines(
          'pip install opentelemetry-distro opentelemetry-exporter-otlp',
          'opentelemetry-bootstrap -a install',
        ),
      },
      run(target, 'opentelemetry-instrument python app.py'),
    ],
  },
  {
    name: 'node',
    label: 'Node.js',
    steps: (target) => [
      {
        title: 'Add the SDK',
        code: 'npm install @opentelemetry/api @opentelemetry/auto-instrumentations-node',
      },
      run(target, 'node --require @opentelemetry/auto-instrumentations-node/register app.js'),
    ],
  },
  {
    name: 'dotnet',
    label: '.NET',
    steps: (target) => [
      {
        title: 'Add the SDK',
        code: lines(
          'dotnet add package OpenTelemetry.Extensions.Hosting',
          'dotnet add package OpenTelemetry.Exporter.OpenTelemetryProtocol',
          'dotnet add package OpenTelemetry.Instrumentation.AspNetCore',
        ),
      },
      {
        title: 'Program.cs',
        code: lines(
          'builder.Services.AddOpenTelemetry().WithTracing(tracing => tracing',
          '    .AddAspNetCoreInstrumentation()',
          '    .AddOtlpExporter());',
        ),
      },
      run(target, 'dotnet run'),
    ],
  },
  {
    name: 'ruby',
    label: 'Ruby',
    steps: (target) => [
      {
        title: 'Add the SDK',
        code: 'bundle add opentelemetry-sdk opentelemetry-exporter-otlp opentelemetry-instrumentation-all',
      },
      {
        title: 'config/initializers/opentelemetry.rb',
        code: lines(
          "require 'opentelemetry/sdk'",
          "require 'opentelemetry/exporter/otlp'",
          "require 'opentelemetry/instrumentation/all'",
          'OpenTelemetry::SDK.configure(&:use_all)',
        ),
      },
      run(target, 'bundle exec rails server'),
    ],
  },
  {
    name: 'php',
    label: 'PHP',
    steps: (target) => [
      {
        title: 'Add the extension and the SDK',
        code: lines(
          'pecl install opentelemetry',
          'composer require open-telemetry/sdk open-telemetry/exporter-otlp \\',
          '  open-telemetry/opentelemetry-auto-psr18 php-http/guzzle7-adapter',
        ),
      },
      run(target, 'php -d extension=opentelemetry.so -S localhost:8080 app.php', [
        'export OTEL_PHP_AUTOLOAD_ENABLED=true',
      ]),
    ],
  },
  {
    name: 'collector',
    label: 'Collector',
    steps: ({ httpUrl, tenant }) => [
      {
        title: 'In the configuration of an OpenTelemetry Collector',
        code: lines(
          'exporters:',
          '  otlphttp/rubato:',
          `    endpoint: ${httpUrl}`,
          ...(tenant === '' ? [] : ['    headers:', `      X-Scope-OrgID: ${JSON.stringify(tenant)}`]),
          'service:',
          '  pipelines:',
          '    traces:',
          '      receivers: [otlp]',
          '      processors: [batch]',
          '      exporters: [otlphttp/rubato]',
        ),
      },
    ],
  },
  {
    name: 'shell',
    label: 'Shell',
    steps: ({ httpUrl, tenant }) => [
      {
        title: 'One span by hand',
        code: lines(
          'now=$(date +%s)',
          `curl ${httpUrl}/v1/traces -H 'Content-Type: application/json' \\`,
          ...(tenant === '' ? [] : [`  -H 'X-Scope-OrgID: ${tenant.replaceAll("'", "'\\''")}' \\`]),
          `  -d '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shell"}}]},`,
          `    "scopeSpans":[{"spans":[{"traceId":"'$(openssl rand -hex 16)'","spanId":"'$(openssl rand -hex 8)'",`,
          `    "name":"hello","kind":1,"startTimeUnixNano":"'$now'000000000","endTimeUnixNano":"'$now'250000000"}]}]}]}'`,
        ),
      },
    ],
  },
  {
    name: 'demo',
    label: 'Demo',
    steps: () => [
      {
        title: 'Start Rubato with the traffic of a small shop, which it sends to itself',
        code: 'npm run up -- --demo',
      },
    ],
  },
];
