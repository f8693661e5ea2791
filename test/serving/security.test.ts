/** Promises of docs/security.md that no other test keeps. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import { Server } from "../../src/serving/index.ts";

test("one connection more than are taken is closed without an answer; the next is taken when one has gone", async () => {
  const server = await Server.create([], { port: 0, maxConnections: 2, pool: { workers: 1 } });
  const { port } = new URL(await server.listen());
  /** What the server said to a request on a connection that stays open, or nothing where it was closed. */
  const ask = async (socket: Socket): Promise<string> => {
    socket.on("error", () => {});
    socket.write("GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n");
    const [said] = await Promise.race([once(socket, "data"), once(socket, "close").then(() => [""])]);
    return String(said).split("\r\n")[0];
  };
  const open = (): Socket => connect(Number(port), "127.0.0.1");
  const sockets = [open(), open()];
  for (const socket of sockets) expect(await ask(socket)).toBe("HTTP/1.1 200 OK");
  expect(await ask(open())).toBe("");
  expect(await ask(sockets[0])).toBe("HTTP/1.1 200 OK");
  sockets[0].destroy();
  await expect.poll(() => ask(open())).toBe("HTTP/1.1 200 OK");
  await server.stop();
});
