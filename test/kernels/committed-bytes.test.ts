import { expect, test } from "vitest";
import { compileKernels } from "../../scripts/build-kernels.ts";
import { KERNELS_BASE64 } from "../../src/embeddings/kernels/kernels.wasm.ts";

test("the committed kernels are those of a fresh compile (else run npm run build:kernels)", async () => {
  expect(Buffer.from(await compileKernels()).toString("base64")).toBe(KERNELS_BASE64);
});
