/**
 * The demo's world: a bookshop of ten services. Operations call each other with the latencies, retries, slow spells and
 * failures that make traces worth looking at. Plain data; `traffic.ts` turns it into spans.
 */

export type Scalar = string | number | bigint | boolean;

export interface Service {
  readonly name: string;
  readonly language: string;
  readonly version: string;
  readonly replicas: number;
}

export const services: readonly Service[] = [
  { name: 'storefront', language: 'nodejs', version: '5.2.0', replicas: 3 },
  { name: 'gateway', language: 'go', version: '1.31.4', replicas: 3 },
  { name: 'accounts', language: 'java', version: '3.0.2', replicas: 2 },
  { name: 'books', language: 'go', version: '2.8.1', replicas: 3 },
  { name: 'recommender', language: 'python', version: '0.9.7', replicas: 2 },
  { name: 'basket', language: 'rust', version: '1.4.0', replicas: 2 },
  { name: 'orders', language: 'java', version: '4.1.0', replicas: 3 },
  { name: 'payments', language: 'dotnet', version: '2.2.3', replicas: 2 },
  { name: 'warehouse', language: 'go', version: '1.0.9', replicas: 2 },
  { name: 'mailer', language: 'python', version: '1.1.1', replicas: 1 },
];

/** OTLP span kinds. */
export const Kind = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;

export interface Call {
  /** An operation or a backend below. */
  readonly to: string;
  readonly probability: number;
  /** How often in a row, at most; the actual number is drawn. */
  readonly timesMax?: number;
  readonly parallel?: boolean;
}

export interface Operation {
  readonly service: string;
  readonly name: string;
  readonly protocol: 'http' | 'grpc' | 'queue' | 'internal';
  /** Median of its own time, ms, and spread (sigma of a log-normal). */
  readonly ownMs: number;
  readonly spread: number;
  /** Share of calls that fail by themselves. */
  readonly failure: number;
  readonly calls: readonly Call[];
}

export const operations: Readonly<Record<string, Operation>> = {
  home: {
    service: 'storefront',
    name: 'GET /',
    protocol: 'http',
    ownMs: 6,
    spread: 0.4,
    failure: 0,
    calls: [{ to: 'gwHome', probability: 1 }],
  },
  page: {
    service: 'storefront',
    name: 'GET /books/{isbn}',
    protocol: 'http',
    ownMs: 8,
    spread: 0.5,
    failure: 0,
    calls: [
      { to: 'gwBook', probability: 1 },
      { to: 'similar', probability: 0.8 },
    ],
  },
  find: {
    service: 'storefront',
    name: 'GET /search',
    protocol: 'http',
    ownMs: 7,
    spread: 0.4,
    failure: 0,
    calls: [{ to: 'search', probability: 1 }],
  },
  checkout: {
    service: 'storefront',
    name: 'POST /checkout',
    protocol: 'http',
    ownMs: 10,
    spread: 0.5,
    failure: 0,
    calls: [{ to: 'gwOrder', probability: 1 }],
  },
  gwHome: {
    service: 'gateway',
    name: 'GET /api/home',
    protocol: 'http',
    ownMs: 2,
    spread: 0.3,
    failure: 0.001,
    calls: [
      { to: 'session', probability: 0.9 },
      { to: 'shelf', probability: 1, timesMax: 4, parallel: true },
      { to: 'recommend', probability: 0.9 },
    ],
  },
  gwBook: {
    service: 'gateway',
    name: 'GET /api/books/{isbn}',
    protocol: 'http',
    ownMs: 2,
    spread: 0.3,
    failure: 0.001,
    calls: [
      { to: 'session', probability: 0.7 },
      { to: 'book', probability: 1 },
      { to: 'stock', probability: 1 },
    ],
  },
  gwOrder: {
    service: 'gateway',
    name: 'POST /api/orders',
    protocol: 'http',
    ownMs: 3,
    spread: 0.3,
    failure: 0.002,
    calls: [
      { to: 'session', probability: 1 },
      { to: 'place', probability: 1 },
    ],
  },
  session: {
    service: 'accounts',
    name: 'accounts.v1.Sessions/Check',
    protocol: 'grpc',
    ownMs: 1.5,
    spread: 0.5,
    failure: 0.003,
    calls: [{ to: 'redis', probability: 1 }],
  },
  shelf: {
    service: 'books',
    name: 'books.v1.Catalog/Shelf',
    protocol: 'grpc',
    ownMs: 3,
    spread: 0.5,
    failure: 0.002,
    calls: [
      { to: 'redis', probability: 0.9 },
      { to: 'catalogDb', probability: 0.25 },
    ],
  },
  book: {
    service: 'books',
    name: 'books.v1.Catalog/Get',
    protocol: 'grpc',
    ownMs: 1.5,
    spread: 0.5,
    failure: 0.002,
    calls: [
      { to: 'redis', probability: 1 },
      { to: 'catalogDb', probability: 0.15 },
    ],
  },
  search: {
    service: 'books',
    name: 'books.v1.Search/Query',
    protocol: 'grpc',
    ownMs: 4,
    spread: 0.5,
    failure: 0.004,
    calls: [{ to: 'index', probability: 1, timesMax: 2 }],
  },
  recommend: {
    service: 'recommender',
    name: 'POST /rank',
    protocol: 'http',
    ownMs: 9,
    spread: 0.7,
    failure: 0.006,
    calls: [
      { to: 'model', probability: 1 },
      { to: 'book', probability: 1, timesMax: 5, parallel: true },
    ],
  },
  similar: {
    service: 'recommender',
    name: 'GET /similar/{isbn}',
    protocol: 'http',
    ownMs: 5,
    spread: 0.6,
    failure: 0.004,
    calls: [{ to: 'model', probability: 1 }],
  },
  model: {
    service: 'recommender',
    name: 'model.predict',
    protocol: 'internal',
    ownMs: 14,
    spread: 0.6,
    failure: 0,
    calls: [],
  },
  stock: {
    service: 'warehouse',
    name: 'warehouse.v1.Stock/Level',
    protocol: 'grpc',
    ownMs: 1.2,
    spread: 0.5,
    failure: 0.002,
    calls: [{ to: 'stockDb', probability: 0.6 }],
  },
  place: {
    service: 'orders',
    name: 'orders.v1.Orders/Place',
    protocol: 'grpc',
    ownMs: 6,
    spread: 0.5,
    failure: 0.003,
    calls: [
      { to: 'basketGet', probability: 1 },
      { to: 'reserve', probability: 1, timesMax: 6, parallel: true },
      { to: 'charge', probability: 1 },
      { to: 'orderDb', probability: 1, timesMax: 2 },
      { to: 'publish', probability: 1 },
    ],
  },
  basketGet: {
    service: 'basket',
    name: 'basket.v1.Basket/Get',
    protocol: 'grpc',
    ownMs: 0.8,
    spread: 0.4,
    failure: 0.001,
    calls: [{ to: 'redis', probability: 1 }],
  },
  reserve: {
    service: 'warehouse',
    name: 'warehouse.v1.Stock/Reserve',
    protocol: 'grpc',
    ownMs: 2,
    spread: 0.6,
    failure: 0.006,
    calls: [{ to: 'stockDb', probability: 1 }],
  },
  charge: {
    service: 'payments',
    name: 'payments.v1.Payments/Charge',
    protocol: 'grpc',
    ownMs: 5,
    spread: 0.5,
    failure: 0.004,
    calls: [{ to: 'card', probability: 1 }],
  },
  publish: {
    service: 'orders',
    name: 'orders publish',
    protocol: 'queue',
    ownMs: 0.9,
    spread: 0.4,
    failure: 0,
    calls: [
      { to: 'confirm', probability: 1 },
      { to: 'pack', probability: 1 },
    ],
  },
  confirm: {
    service: 'mailer',
    name: 'orders process',
    protocol: 'queue',
    ownMs: 18,
    spread: 0.8,
    failure: 0.01,
    calls: [{ to: 'smtp', probability: 1 }],
  },
  pack: {
    service: 'warehouse',
    name: 'orders process',
    protocol: 'queue',
    ownMs: 12,
    spread: 0.7,
    failure: 0.004,
    calls: [{ to: 'stockDb', probability: 1, timesMax: 3 }],
  },
};

/** Systems that are called but send no spans of their own. */
export interface Backend {
  readonly name: string;
  readonly medianMs: number;
  readonly spread: number;
  readonly failure: number;
  readonly failureMessage: string;
  readonly attributes: Readonly<Record<string, Scalar>>;
}

export const backends: Readonly<Record<string, Backend>> = {
  redis: {
    name: 'GET',
    medianMs: 0.4,
    spread: 0.6,
    failure: 0.0008,
    failureMessage: 'redis: connection reset',
    attributes: {
      'db.system.name': 'redis',
      'db.operation.name': 'GET',
      'server.address': 'redis.shop.svc',
      'server.port': 6379n,
    },
  },
  catalogDb: {
    name: 'SELECT books',
    medianMs: 3,
    spread: 0.9,
    failure: 0.002,
    failureMessage: 'canceling statement due to statement timeout',
    attributes: {
      'db.system.name': 'postgresql',
      'db.namespace': 'catalog',
      'db.operation.name': 'SELECT',
      'db.query.text': 'SELECT isbn, title, author, price_cents FROM books WHERE isbn = ANY($1)',
      'server.address': 'pg-catalog.shop.svc',
      'server.port': 5432n,
    },
  },
  stockDb: {
    name: 'UPDATE stock',
    medianMs: 2,
    spread: 0.8,
    failure: 0.002,
    failureMessage: 'could not serialize access due to concurrent update',
    attributes: {
      'db.system.name': 'postgresql',
      'db.namespace': 'stock',
      'db.operation.name': 'UPDATE',
      'db.query.text': 'UPDATE stock SET reserved = reserved + $1 WHERE isbn = $2',
      'server.address': 'pg-stock.shop.svc',
      'server.port': 5432n,
    },
  },
  orderDb: {
    name: 'INSERT orders',
    medianMs: 3,
    spread: 0.7,
    failure: 0.001,
    failureMessage: 'deadlock detected',
    attributes: {
      'db.system.name': 'postgresql',
      'db.namespace': 'orders',
      'db.operation.name': 'INSERT',
      'db.query.text': 'INSERT INTO order_lines (order_id, isbn, quantity) VALUES ($1, $2, $3)',
      'server.address': 'pg-orders.shop.svc',
      'server.port': 5432n,
    },
  },
  index: {
    name: 'search books',
    medianMs: 11,
    spread: 0.9,
    failure: 0.003,
    failureMessage: 'all shards failed',
    attributes: {
      'db.system.name': 'opensearch',
      'db.operation.name': 'search',
      'db.collection.name': 'books',
      'server.address': 'search.shop.svc',
      'server.port': 9200n,
    },
  },
  card: {
    name: 'POST',
    medianMs: 70,
    spread: 0.7,
    failure: 0.015,
    failureMessage: 'card declined by issuer',
    attributes: {
      'http.request.method': 'POST',
      'url.full': 'https://cards.example.com/v2/charges',
      'server.address': 'cards.example.com',
      'server.port': 443n,
    },
  },
  smtp: {
    name: 'smtp send',
    medianMs: 25,
    spread: 0.8,
    failure: 0.01,
    failureMessage: '451 4.7.1 greylisted, try again later',
    attributes: { 'server.address': 'smtp.example.com', 'server.port': 587n },
  },
};

/** What visitors do, by weight. */
export const journeys: readonly { readonly operation: string; readonly weight: number }[] = [
  { operation: 'home', weight: 30 },
  { operation: 'page', weight: 40 },
  { operation: 'find', weight: 20 },
  { operation: 'checkout', weight: 10 },
];
