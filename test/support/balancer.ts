/**
 * A load balancer as there are many: sends each request to the next of its servers that says it is ready, over connections
 * that it keeps, and asks each server a few times a second. It tries nothing twice, so whatever fails is seen.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Backend {
  /** `host:port` that requests go to. */
  readonly address: string;
  /** URL of its /ready. */
  readonly ready: string;
}

/** How often each server is asked, and how long an answer may take. */
export const askMs = 100;

export class Balancer {
  readonly #server = http.createServer((request, response) => this.#forward(request, response));
  readonly #agent = new http.Agent({ keepAlive: true });
  readonly #backends = new Map<Backend, boolean>();
  readonly #timer = setInterval(() => void this.ask(), askMs);
  #next = 0;

  add(backend: Backend): void {
    this.#backends.set(backend, false);
  }

  remove(backend: Backend): void {
    this.#backends.delete(backend);
  }

  /** Resolves with the URL. */
  listen(): Promise<string> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        resolve(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
      });
    });
  }

  close(): void {
    clearInterval(this.#timer);
    this.#server.close();
    this.#server.closeAllConnections();
    this.#agent.destroy();
  }

  /** Asks every server once. */
  async ask(): Promise<void> {
    await Promise.all(
      [...this.#backends.keys()].map(async (backend) => {
        const isReady = await saysReady(backend.ready);
        if (this.#backends.has(backend)) this.#backends.set(backend, isReady);
      }),
    );
  }

  #forward(request: http.IncomingMessage, response: http.ServerResponse): void {
    const ready = [...this.#backends].filter(([, isReady]) => isReady).map(([backend]) => backend);
    const backend = ready[this.#next++ % ready.length];
    if (backend === undefined) {
      response.writeHead(502).end('nobody is ready');
      return;
    }
    const [hostname, port] = backend.address.split(':');
    const { method, headers, url: path } = request;
    const onward = http.request({ hostname, port, path, method, headers, agent: this.#agent }, (answer) => {
      const { connection: _, ...kept } = answer.headers;
      response.writeHead(answer.statusCode!, kept);
      answer.pipe(response);
    });
    onward.on('error', (error) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end(`${backend.address}: ${error.message}`);
    });
    request.pipe(onward);
  }
}

async function saysReady(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url);
    await answer.text();
    return answer.status === 200;
  } catch {
    return false;
  }
}
