import { describe, expect, test } from "vitest";
import { judge, runGraph } from "../../test/graph/run.ts";
import { hostTensor } from "../onnx/index.ts";
import { input, type Tensor } from "../tensor/index.ts";
import { currentTrace, dropout, Trace, withTrace } from "./index.ts";

const key = input("key", [], "uint32");

async function numbers(tensors: readonly Tensor[], step: number): Promise<number[]> {
  const outputs = Object.fromEntries(tensors.map((tensor, k) => [`y${k}`, tensor]));
  const results = await runGraph(judge, outputs, new Map([[key, hostTensor("uint32", [], [step])]]));
  return tensors.map((_, k) => Number(results[`y${k}`].data[0]));
}

describe("a trace", () => {
  test("is ambient while a graph is built, evaluation outside, and restored after errors", () => {
    const trace = new Trace({ training: true, key });
    expect(currentTrace().training).toBe(false);
    withTrace(trace, () => {
      expect(currentTrace()).toBe(trace);
      withTrace(new Trace({ training: false }), () => expect(currentTrace().training).toBe(false));
      expect(currentTrace()).toBe(trace);
    });
    expect(() =>
      withTrace(trace, () => {
        throw new Error("in the middle");
      }),
    ).toThrow("in the middle");
    expect(currentTrace().training).toBe(false);
  });

  test("gives every layer its own key, a function of step and place", async () => {
    const keysOf = (): Tensor[] => {
      const trace = new Trace({ training: true, key });
      return [trace.nextKey(), trace.nextKey(), trace.nextKey()];
    };
    const first = await numbers(keysOf(), 1);
    expect(new Set(first).size).toBe(3);
    expect(await numbers(keysOf(), 1)).toEqual(first);
    expect((await numbers(keysOf(), 2)).filter((value) => first.includes(value))).toEqual([]);
  });

  test("without a key cannot drop anything", () => {
    expect(() => new Trace({ training: true }).nextKey()).toThrow("this trace has no random key");
  });
});

test("dropout is the identity in evaluation and at a rate of 0", () => {
  const x = input("x", ["batch", 2]);
  expect(dropout(x, 0.5)).toBe(x);
  withTrace(new Trace({ training: true, key }), () => {
    expect(dropout(x, 0)).toBe(x);
    expect(dropout(x, 0.5)).not.toBe(x);
  });
});
