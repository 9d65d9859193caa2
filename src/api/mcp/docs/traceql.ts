/** What the tool `docs-traceql` and the resources `docs://traceql/…` say: TraceQL for whoever has to write a query now. */

export const traceqlDocs = {
  basic: `# TraceQL: filters

A query selects spans: \`{ condition }\`. \`{ }\` selects every span. The answer lists the traces with the spans that match.

## Attributes
* \`span.http.response.status_code\`, \`resource.service.name\`, \`event.exception.message\`, \`link.x\`, \`instrumentation.x\`: by scope.
* \`.http.route\`: without scope, on the span or else on its resource. Name the scope when you know it.
* Quote names with special characters: \`span."my key"\`. The characters \`. - + * / % : @ [ ] #\` belong to names, so put
  spaces around operators.

## Intrinsics
\`name\`, \`status\` (ok, error, unset), \`statusMessage\`, \`kind\` (server, client, producer, consumer, internal, unspecified),
\`duration\`, \`traceDuration\`, \`rootName\`, \`rootServiceName\`, and with scope: \`span:id\`, \`span:parentID\`, \`trace:id\`,
\`event:name\`, \`event:timeSinceStart\`, \`link:traceID\`, \`link:spanID\`, \`instrumentation:name\`, \`instrumentation:version\`.

## Values
Strings \`"…"\` or \`\\\`raw\\\`\`, integers, floats, durations (\`100ms\`, \`1.5s\`, \`1h30m\`), \`true\`, \`false\`, \`nil\`. Types are strict: a
code that was sent as an integer is found by \`= 500\`, not by \`= "500"\`.

## Operators
\`= != > >= < <=\`, \`=~ !~\` (RE2, the whole value must match: write \`".*part.*"\`), \`&& || !\`, arithmetic. \`&&\` and \`||\` bind
equally strongly: use parentheses. A missing attribute never compares: \`{ span.a != "x" }\` does not find spans
without \`span.a\`. Ask for existence with \`!= nil\` and \`= nil\`.

## Examples
* \`{ status = error && resource.service.name = "checkout" }\`
* \`{ span.http.response.status_code >= 500 && duration > 2s }\`
* \`{ name =~ "GET /api/.*" && kind = server }\`
* \`{ event:name = "exception" && event.exception.type = "TimeoutError" }\`
`,

  aggregates: `# TraceQL: pipelines and aggregates

Stages follow a filter, each after \`|\`. They work on the spans that matched in one trace.

* \`count()\`, \`avg(x)\`, \`min(x)\`, \`max(x)\`, \`sum(x)\` with a comparison keep traces: \`{ status = error } | count() > 3\`.
* \`by(x)\` makes one group of spans for each value, and following aggregates judge each group:
  \`{ } | by(resource.service.name) | avg(duration) > 500ms\`.
* \`coalesce()\` puts the groups of a trace together again.
* \`select(a, b)\` returns more attributes with the spans: \`{ status = error } | select(statusMessage, span.http.route)\`.
* A filter may follow: \`{ kind = server } | count() > 10 | { status = error }\`.

An aggregate must be compared; \`{ } | count()\` alone is an error. For numbers over time see the metrics document.
`,

  structural: `# TraceQL: structure

Operators between two filters relate spans of the same trace. The answer has the spans of the right side.

| operator | right side is |
|---|---|
| \`{A} > {B}\` | child of a span of A |
| \`{A} >> {B}\` | descendant |
| \`{A} < {B}\` | parent |
| \`{A} << {B}\` | ancestor |
| \`{A} ~ {B}\` | sibling |
| \`{A} !> {B}\` and \`!>> !< !<< !~\` | not in that relation to any span of A |
| \`{A} &> {B}\` and \`&>> &< &<< &~\` | in that relation; spans of both sides are returned |
| \`{A} && {B}\` | anywhere in the same trace; spans of both sides |
| \`{A} \\|\\| {B}\` | spans of either side |

Examples:
* errors below a frontend: \`{ resource.service.name = "frontend" } >> { status = error }\`
* a service that calls a database directly: \`{ resource.service.name = "orders" } > { span.db.system.name != nil }\`
* errors without an error further down: \`{ status = error } !<< { status = error }\`
* root spans: \`{ nestedSetParent < 0 }\`
`,

  metrics: `# TraceQL: metrics

The last stage turns spans into numbers. Ask with \`traceql-metrics-range\` for a series over time, with
\`traceql-metrics-instant\` for one number over the whole range.

* \`rate()\`: spans a second. \`count_over_time()\`: spans an interval.
* \`min_over_time(x)\`, \`max_over_time(x)\`, \`avg_over_time(x)\`, \`sum_over_time(x)\`: of a numeric attribute or \`duration\` (in seconds).
* \`quantile_over_time(duration, .5, .95, .99)\`: one series a quantile, label \`p\`.
* \`histogram_over_time(duration)\`: buckets of powers of two, label \`__bucket\`.
* \`compare({ condition })\`: which attribute values are more frequent among the spans that match the condition.
* Each (but compare) takes \`by(a, b)\`: \`{ } | rate() by(resource.service.name, status)\`.
* Then \`topk(n)\`, \`bottomk(n)\`, or a comparison: \`{ } | rate() by(name) | topk(5)\`, \`… | rate() > 10\`.

Examples:
* error rate of each service: \`{ status = error } | rate() by(resource.service.name)\`
* p95 of a route: \`{ span.http.route = "/checkout" } | quantile_over_time(duration, .95)\`
* what is special about slow requests: \`{ kind = server } | compare({ duration > 1s })\`
* sampled, for long ranges: \`{ } | rate() with(sample=true)\`
`,

  query: `# How to look into traces

1. \`get-attribute-names\` says what can be asked for; \`get-attribute-values\` which values there are (names with their scope:
   \`resource.service.name\`, \`span.http.route\`). Do this before you guess names.
2. Start wide with numbers: \`traceql-metrics-instant\` with \`{ status = error } | count_over_time() by(resource.service.name)\`
   over the time in question, or \`traceql-metrics-range\` to see when it began.
3. Find traces with \`traceql-search\`, narrowed by what the numbers showed. It returns the newest that match, 20 at most.
4. Read one with \`get-trace\`. Large traces are long: prefer one whose search result has few spans.

Times are RFC 3339; without them the last hour is meant. A query that matches nothing is not an error: check names, types
(\`= 500\` or \`= "500"\`), and the time range. Searches and metrics are bounded in their time range; the error says how far.
Other documents: basic, aggregates, structural, metrics.
`,
} as const;
