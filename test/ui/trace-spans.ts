/** Traces for tests of the trace page: one with everything in it, and large ones. */
import {
  type PlainResource,
  type PlainSpan,
  plainResource,
  plainScope,
  plainSpan,
} from '../../src/model/plain-span.ts';

const ms = 1_000_000n;
const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

const text = (key: string, value: string) => ({ key, value: { type: 'string', value } as const });
const int = (key: string, value: number) => ({ key, value: { type: 'int', value: BigInt(value) } as const });

export const hostile = '<img src=x onerror="window.hacked=1">"><script>window.hacked=1</script>';

/**
 * A checkout of nine services: an error with a stack trace, 84 repeated calls, a service whose clock is 120 ms behind, an
 * orphan, links, and a service and values that try to be HTML.
 */
export function checkoutTrace(traceId: string, startUnixNano: bigint): PlainSpan[] {
  const spans: PlainSpan[] = [];
  const resources = new Map<string, PlainResource>();
  const resourceOf = (service: string): PlainResource => {
    let resource = resources.get(service);
    if (resource === undefined) {
      resource = plainResource({
        attributes: [
          text('service.name', service),
          text('service.version', '4.1.0'),
          text('deployment.environment.name', 'production'),
          text('k8s.pod.name', `${service}-7d9f8b6c5-x2x8q`),
        ],
      });
      resources.set(service, resource);
    }
    return resource;
  };
  const add = (
    parent: PlainSpan | undefined,
    service: string,
    name: string,
    times: readonly [fromMs: number, toMs: number],
    more: Partial<PlainSpan> = {},
  ): PlainSpan => {
    const span = plainSpan({
      traceId,
      spanId: hex(spans.length + 1, 16),
      parentSpanId: parent?.spanId ?? '',
      name,
      kind: 2,
      startTimeUnixNano: startUnixNano + BigInt(Math.round(times[0] * 1e6)),
      endTimeUnixNano: startUnixNano + BigInt(Math.round(times[1] * 1e6)),
      resource: resourceOf(service),
      scope: plainScope({ name: '@opentelemetry/instrumentation-http', version: '0.57.0' }),
      ...more,
    });
    spans.push(span);
    return span;
  };
  const root = add(undefined, 'storefront', 'POST /cart/checkout', [0, 812], {
    attributes: [
      text('http.request.method', 'POST'),
      int('http.response.status_code', 502),
      text('url.path', '/cart/checkout'),
    ],
    statusCode: 2,
    statusMessage: 'upstream failed',
  });
  const gateway = add(root, 'gateway', 'POST /api/checkout', [14, 804], {
    attributes: [int('http.response.status_code', 502), text('http.route', '/api/checkout')],
    statusCode: 2,
  });
  add(gateway, 'accounts', 'GET /session', [18, 52], {
    attributes: [text('session.id', 'f3a9'), text('user.tier', 'gold')],
  });
  const basket = add(gateway, 'basket', 'basket.v1.Basket/Get', [56, 214]);
  for (let i = 0; i < 84; i++)
    add(basket, 'basket', 'redis GET', [60 + i * 1.8, 61.2 + i * 1.8], {
      kind: 3,
      attributes: [text('db.system', 'redis'), text('db.query.text', `GET basket:item:${i}`)],
    });
  const orders = add(gateway, 'orders', 'orders.v1.Orders/Place', [220, 798], {
    statusCode: 2,
    statusMessage: 'payment declined',
  });
  const stock = add(orders, 'warehouse', 'warehouse.v1.Stock/Reserve', [228, 402]);
  add(stock, 'warehouse', 'SELECT stock', [236, 318], {
    kind: 3,
    attributes: [
      text('db.system', 'postgresql'),
      text('db.query.text', 'SELECT qty FROM stock WHERE isbn = ANY($1) FOR UPDATE'),
    ],
  });
  add(stock, 'warehouse', 'UPDATE stock', [322, 396], { kind: 3, attributes: [text('db.system', 'postgresql')] });
  const pay = add(orders, 'payments', 'payments.v2.Payments/Charge', [410, 702], {
    statusCode: 2,
    attributes: [text('payment.provider', 'stripe'), int('payment.amount', 4599), text('note', hostile)],
  });
  add(pay, 'payments', 'POST api.stripe.com', [424, 690], {
    kind: 3,
    statusCode: 2,
    statusMessage: 'card_declined',
    attributes: [text('server.address', 'api.stripe.com'), int('http.response.status_code', 402)],
    events: [
      {
        timeUnixNano: startUnixNano + 540n * ms,
        name: 'retry',
        attributes: [int('attempt', 2)],
        droppedAttributesCount: 0,
      },
      {
        timeUnixNano: startUnixNano + 688n * ms,
        name: 'exception',
        attributes: [
          text('exception.type', 'CardDeclinedException'),
          text('exception.message', 'Your card was declined.'),
          text(
            'exception.stacktrace',
            'CardDeclinedException: Your card was declined.\n   at Payments.Stripe.Client.Charge(Card card) in Client.cs:line 214\n   at Payments.Handlers.ChargeHandler.Run() in ChargeHandler.cs:line 58',
          ),
        ],
        droppedAttributesCount: 0,
      },
    ],
    droppedEventsCount: 3,
  });
  // Its clock is behind: it starts before its caller, as it says.
  const fraud = add(pay, 'fraud', 'fraud.v1.Check/Score', [296, 380]);
  add(fraud, 'fraud', 'model predict', [304, 372], { kind: 1, attributes: [text('gen_ai.request.model', 'score-3')] });
  add(orders, 'mailer', 'orders.failed publish', [706, 726], {
    kind: 4,
    links: [
      {
        traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
        spanId: '00f067aa0ba902b7',
        traceState: '',
        flags: 0,
        attributes: [text('messaging.operation.type', 'publish')],
        droppedAttributesCount: 0,
      },
    ],
  });
  add(orders, 'orders', 'INSERT order_events', [730, 790], { kind: 3, attributes: [text('db.system', 'postgresql')] });
  const lost = add(undefined, 'recommender', 'refresh suggestions', [600, 760], { parentSpanId: 'ffffffffffffff01' });
  add(lost, hostile, `render ${hostile}`, [610, 740], { kind: 1 });
  return spans;
}

/** `count` spans in one trace, in batches: twelve services, up to 40 levels, 1 in 500 an error. */
export function* largeTrace(
  traceId: string,
  startUnixNano: bigint,
  count: number,
  batch = 20_000,
): Generator<PlainSpan[]> {
  const services = Array.from({ length: 12 }, (_, i) =>
    plainResource({ attributes: [text('service.name', `service-${i}`), text('host.name', `host-${i % 5}`)] }),
  );
  const scope = plainScope({ name: 'large', version: '1' });
  // Span n has the children 6n+1 … 6n+6, and each its share of its parent's time.
  const times: Float64Array = new Float64Array(count * 2);
  times[1] = 60_000_000_000;
  let spans: PlainSpan[] = [];
  for (let n = 0; n < count; n++) {
    const parent = n === 0 ? -1 : Math.floor((n - 1) / 6);
    if (parent >= 0) {
      const from = times[parent * 2]!;
      const part = (times[parent * 2 + 1]! - from) / 7;
      const at = from + ((n - 1) % 6) * part + part * 0.3;
      times[n * 2] = Math.floor(at);
      times[n * 2 + 1] = Math.floor(at + part * (0.6 + ((n * 7919) % 100) / 160));
    }
    spans.push(
      plainSpan({
        traceId,
        spanId: hex(n + 1, 16),
        parentSpanId: parent < 0 ? '' : hex(parent + 1, 16),
        name: `operation ${n % 40}`,
        kind: (n % 5) + 1,
        startTimeUnixNano: startUnixNano + BigInt(times[n * 2]!),
        endTimeUnixNano: startUnixNano + BigInt(times[n * 2 + 1]!),
        attributes: [int('item', n), text('http.route', `/things/${n % 30}`)],
        statusCode: n % 500 === 499 ? 2 : 0,
        resource: services[n % services.length]!,
        scope,
      }),
    );
    if (spans.length < batch) continue;
    yield spans;
    spans = [];
  }
  if (spans.length > 0) yield spans;
}
