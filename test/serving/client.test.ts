/** The client's types are those of the server's document; what it does with answers, and that browsers can run it. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { clientDocument, clientTypes } from "../../scripts/client-types/index.ts";
import { RankClient, ServerError } from "../../src/serving/client/index.ts";

const place = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const read = (path: string): string => readFileSync(place(path), "utf8");

test("schema/openapi.json is up to date (npm run build:client)", () => {
  expect(JSON.parse(read("schema/openapi.json"))).toEqual(JSON.parse(clientDocument()));
});

test("the client's types are those of schema/openapi.json (npm run build:client)", async () => {
  expect(read("src/serving/client/routes.ts")).toBe(await clientTypes(read("schema/openapi.json")));
});

test("it is a small module for browsers", async () => {
  const { outputFiles, metafile } = await build({
    entryPoints: [place("src/serving/client/index.ts")],
    bundle: true,
    format: "esm",
    platform: "browser",
    minify: true,
    write: false,
    metafile: true,
  });
  const inputs = Object.keys(metafile.inputs).map((path) => path.replace(/.*(node_modules|client)\//, ""));
  expect(inputs.sort()).toEqual(["index.ts", "openapi-fetch/dist/index.mjs"]);
  expect(outputFiles[0].contents.length).toBeLessThan(12_000);
});

/** A client of a server that gives these answers, one after the other, and what it was sent. */
function clientOf(
  answers: readonly Response[],
  options: { readonly retries?: number; readonly token?: string } = {},
): { readonly client: RankClient; readonly sent: { url: string; body: string; headers: Headers }[] } {
  const sent: { url: string; body: string; headers: Headers }[] = [];
  const left = [...answers];
  const send: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    sent.push({ url: request.url, body: await request.text(), headers: request.headers });
    return left.shift() as Response;
  };
  return { client: new RankClient("http://host:1/below//", { ...options, fetch: send }), sent };
}

const busy = (): Response =>
  Response.json(
    { error: "too much", hint: "later", request_id: "r" },
    { status: 429, headers: { "retry-after": "0" } },
  );

describe("the client", () => {
  test("sends names as one part of the path, with the token and the request's id", async () => {
    const { client, sent } = clientOf([Response.json({ items: [] })], { token: "secret" });
    await client.rank("a/b c", { user: 1 }, { requestId: "mine" });
    const [{ url, body, headers }] = sent;
    expect(url).toBe("http://host:1/below/rank/a%2Fb%20c");
    expect(JSON.parse(body)).toEqual({ user: 1 });
    expect(Object.fromEntries(headers)).toMatchObject({
      authorization: "Bearer secret",
      "content-type": "application/json",
      "x-request-id": "mine",
    });
  });

  test("sends the whole request again while the server asks for that", async () => {
    const { client, sent } = clientOf([busy(), busy(), Response.json({ items: [] })], { retries: 2 });
    expect(await client.rank("feed", { user: 1 })).toEqual({ items: [] });
    expect(sent.map(({ body }) => body)).toEqual(Array(3).fill('{"user":1}'));
  });

  test("throws the server's error once that has gone on for too long", async () => {
    const { client, sent } = clientOf([busy(), busy()], { retries: 1 });
    const failed = client.services();
    await expect(failed).rejects.toThrow(ServerError);
    await expect(failed).rejects.toMatchObject({
      message: "too much",
      status: 429,
      hint: "later",
      requestId: "r",
      retryAfter: 0,
    });
    expect(sent).toHaveLength(2);
  });

  test("waits no longer than its caller does", async () => {
    const later = new Response("", { status: 503, headers: { "retry-after": "60" } });
    const { client } = clientOf([later], { retries: 1 });
    const waiting = client.rank("feed", {}, { signal: AbortSignal.timeout(20) });
    await expect(waiting).rejects.toMatchObject({ name: "TimeoutError" });
  });

  test("does not begin to wait for a caller that gave up while the answer was dropped", async () => {
    const controller = new AbortController();
    const dropped = new ReadableStream({ cancel: () => controller.abort(new Error("enough")) });
    const later = new Response(dropped, { status: 503, headers: { "retry-after": "60" } });
    const { client } = clientOf([later], { retries: 1 });
    await expect(client.rank("feed", {}, { signal: controller.signal })).rejects.toThrow("enough");
  });

  test.each([
    ["<h1>Bad Gateway</h1>", "<h1>Bad Gateway</h1>"],
    ["", "Bad Gateway"],
    ["null", "null"],
    ['["one"]', '["one"]'],
  ])("an error that is not the server's (%j) is told as it is", async (body, message) => {
    const { client } = clientOf([new Response(body, { status: 502, statusText: "Bad Gateway" })]);
    await expect(client.model("m")).rejects.toMatchObject({ status: 502, message, requestId: undefined });
  });

  test("asks once whether the server is ready", async () => {
    const { client, sent } = clientOf([busy()], { retries: 5 });
    expect(await client.ready()).toBe(false);
    expect(sent).toHaveLength(1);
  });
});
