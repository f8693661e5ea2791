import { expect, test } from "vitest";
import { CounterRandom, hashKey, mix32 } from "./random.ts";

test("the mixer is a bijection on a sample and fixed for ever", () => {
  const seen = new Set<number>();
  for (let i = 0; i < 100_000; i++) seen.add(mix32(i));
  expect(seen.size).toBe(100_000);
  // Runs resume from these bits: a change of the constants breaks every saved run.
  expect([mix32(0), mix32(1), mix32(0xffffffff)]).toEqual([0, 1753845952, 1734902346]);
});

test("keys depend on order, on names and on the high word of a seed", () => {
  const keys = [hashKey(1, 2), hashKey(2, 1), hashKey("a", 1), hashKey("b", 1), hashKey(2 ** 40), hashKey(0)];
  expect(new Set(keys).size).toBe(keys.length);
});

test("uniform and normal draws have the moments of their laws", () => {
  const random = new CounterRandom(7, "moments");
  const count = 200_000;
  let uniform = 0;
  let normal = 0;
  let square = 0;
  for (let i = 0; i < count; i++) {
    uniform += random.uniform(i);
    const z = random.normal(i);
    normal += z;
    square += z * z;
  }
  // Five standard errors of each mean.
  expect(Math.abs(uniform / count - 0.5)).toBeLessThan((5 * Math.sqrt(1 / 12)) / Math.sqrt(count));
  expect(Math.abs(normal / count)).toBeLessThan(5 / Math.sqrt(count));
  expect(Math.abs(square / count - 1)).toBeLessThan((5 * Math.SQRT2) / Math.sqrt(count));
});

test("a permutation holds every index once and depends on the stream", () => {
  const a = new CounterRandom(1, "a").permutation(1000);
  const b = new CounterRandom(1, "b").permutation(1000);
  expect([...a].sort((x, y) => x - y)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  expect([...a]).not.toEqual([...b]);
  expect([...a]).toEqual([...new CounterRandom(1, "a").permutation(1000)]);
});
