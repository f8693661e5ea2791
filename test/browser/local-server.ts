/** A web server on 127.0.0.1 for a handful of files: what a page of the tests may load. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";

const types: { readonly [extension: string]: string } = {
  "": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  ".css": "text/css",
  ".json": "application/json",
};

export class LocalServer {
  readonly #server: Server;
  readonly #files = new Map<string, Uint8Array | string>([["/", "<!doctype html><title>test</title>"]]);

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<LocalServer> {
    const server = createServer();
    const local = new LocalServer(server);
    server.on("request", (request, response) => {
      const path = new URL(request.url ?? "/", "http://127.0.0.1").pathname;
      const content = local.#files.get(path);
      const type = types[extname(path)] ?? "application/octet-stream";
      response.writeHead(content === undefined ? 404 : 200, { "content-type": type });
      response.end(content);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return local;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Serves a file under this path. */
  add(path: string, content: Uint8Array | string): void {
    this.#files.set(path, content);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A file of the installed onnxruntime-web's `dist`. */
export function runtimeFile(name: string): Uint8Array {
  const entry = createRequire(import.meta.url).resolve("onnxruntime-web");
  return readFileSync(join(dirname(entry), name));
}
