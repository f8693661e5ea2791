import { timingSafeEqual } from "node:crypto";
import { expect, test, vi } from "vitest";
import { BearerToken } from "./bearer-token.ts";

vi.mock("node:crypto", async (original) => {
  const crypto = await original<typeof import("node:crypto")>();
  return { ...crypto, timingSafeEqual: vi.fn(crypto.timingSafeEqual) };
});

const token = new BearerToken("a secret of some length");

test.each([
  ["Bearer a secret of some length", true],
  ["bearer  a secret of some length", true],
  ["Bearer a secret of some lengtH", false],
  ["Bearer a secret of some length and more", false],
  ["Bearer ", false],
  ["Basic a secret of some length", false],
  [undefined, false],
])("%s: %s, by one comparison in constant time of digests of one length", (header, accepted) => {
  const compare = vi.mocked(timingSafeEqual);
  compare.mockClear();
  expect(token.accepts(header)).toBe(accepted);
  expect(compare).toHaveBeenCalledOnce();
  for (const digest of compare.mock.calls[0]) expect(digest.byteLength).toBe(32);
});
