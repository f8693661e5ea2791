import { expect, test } from "vitest";
import { CounterRandom } from "../core/index.ts";
import { createDeriver } from "./derive.ts";
import { tokenHasher, vectorHasher } from "./content-id.ts";
import { createRowEncoder } from "./encode.ts";
import { numeralShape } from "./encode-numeral.ts";
import type { FeatureMap, NumeralFeature } from "./feature-map.ts";
import { tokensOf } from "./tokens.ts";

const ones = (x: number): number => [...x.toString(2)].filter((digit) => digit === "1").length;
const distance = (a: number, b: number): number => ones(Number(BigInt(a) ^ BigInt(b)));

test("written ids stay what they are", () => {
  const text = tokenHasher(32, 0);
  const vector = vectorHasher(32, 7);
  const found = [
    text(["quiet", "café"]),
    text(["café", "quiet", "quiet"]),
    text([]),
    vector([0.5, -1, 2]),
    vector([1, -2, 4]),
    vector([-0.5, 1, -2]),
    vector([0, 0]),
    vector([]),
  ];
  // Tokens are a set; the length of a vector does not matter; its opposite lies on the other side everywhere.
  expect(found[1]).toBe(found[0]);
  expect(found[4]).toBe(found[3]);
  expect((found[5] as number) + (found[3] as number)).toBe(2 ** 32 - 1);
  expect([found[2], found[6], found[7]]).toEqual([undefined, undefined, undefined]);
  expect([found[0], found[3]]).toEqual([1776353909, 4133264738]);
});

test("bits differ as often as the angle says", () => {
  const seeds = Array.from({ length: 300 }, (_, seed) => vectorHasher(32, seed));
  for (const angle of [Math.PI / 6, Math.PI / 3, Math.PI / 2]) {
    // In many dimensions, so that no coordinate matters more than others.
    const random = new CounterRandom(1, "vectors");
    const a = Array.from({ length: 40 }, (_, k) => random.normal(k));
    const noise = Array.from({ length: 40 }, (_, k) => random.normal(100 + k));
    const dot = (x: readonly number[], y: readonly number[]): number =>
      x.reduce((sum, value, k) => sum + value * y[k], 0);
    const across = noise.map((value, k) => value - (dot(noise, a) / dot(a, a)) * a[k]);
    const scale = Math.sqrt(dot(a, a) / dot(across, across));
    const b = a.map((value, k) => Math.cos(angle) * value + Math.sin(angle) * scale * across[k]);
    const differing = seeds.reduce((sum, hash) => sum + distance(hash(a) as number, hash(b) as number), 0);
    // 9,600 bits: the share's standard error is about 0.005.
    expect(differing / (32 * seeds.length)).toBeCloseTo(angle / Math.PI, 1.3);
  }
});

test("every bit is set about as often as not", () => {
  const counts = new Float64Array(16);
  const hash = tokenHasher(16, 0);
  for (let k = 0; k < 2000; k++) {
    const id = hash([`word${k}`, `other${k}`]) as number;
    for (let bit = 0; bit < 16; bit++) counts[bit] += Math.floor(id / 2 ** bit) % 2;
  }
  for (const count of counts) expect(Math.abs(count / 2000 - 0.5)).toBeLessThan(0.05);
});

test("texts alike differ in few bits", () => {
  const hash = tokenHasher(32, 0);
  const how = { words: [1, 1], characters: [3, 3], lowerCase: true } as const;
  const idOf = (text: string): number => hash(tokensOf(text, how)) as number;
  const one = idOf("Chess puzzles for beginners: learn tactics every day");
  const alike = idOf("chess puzzles for beginners, learn new tactics every day");
  const other = idOf("Weather radar with storm alerts and hourly forecast");
  expect(distance(one, alike)).toBeLessThan(8);
  expect(distance(one, other)).toBeGreaterThan(8);
});

test("a vector with a number beyond float32 has neither an id nor a similarity", () => {
  const vector = { column: "v", separator: undefined };
  const derive = createDeriver([
    { kind: "vector_id", name: "id", vector, bits: 8, seed: 1 },
    { kind: "similarity", name: "alike", vectors: [vector, vector], measure: "cosine" },
  ]);
  const [{ id, alike }, beyond] = [
    [1, 2],
    [1e39, -1e39],
  ].map((v) => derive({ v }));
  expect(id).toBeGreaterThanOrEqual(0);
  expect(alike).toBeCloseTo(1, 12);
  expect([beyond.id, beyond.alike]).toEqual([undefined, undefined]);
});

test("a similarity of foreign vectors reaches the model as digits: no gradient can reach the vectors", () => {
  const scale = { kind: "linear", lowest: -1, highest: 1, largest: 1023 } as const;
  const alike: NumeralFeature = {
    kind: "numeral",
    name: "alike",
    column: "alike",
    scale,
    bases: [2],
    combine: "sum",
    ...numeralShape([2], 1023),
  };
  const list = (column: string) => ({ column, separator: undefined });
  const map: FeatureMap = {
    version: 1,
    derived: [
      { kind: "similarity", name: "alike", vectors: [list("user"), list("item")], measure: "cosine" },
    ],
    features: [alike],
    encoders: {},
    labels: [],
    weight: undefined,
    group: undefined,
    domain: undefined,
    timestamp: undefined,
    timestampUnit: undefined,
  };
  const encoder = createRowEncoder(map);
  const { columns } = encoder.encode([
    { user: [3, 4], item: [6, 8] },
    { user: [3, 4], item: [4, -3] },
    { user: [3, 4], item: [-3, -4] },
    { user: [3, 4], item: [0, 0] },
    { user: [3, 4], item: [1, 2, 3] },
    { user: [3, 4] },
  ]);
  // The digits are all that a batch has: the vectors are no input of any graph.
  expect(Object.keys(columns)).toEqual(["alike"]);
  const integers = Array.from({ length: 6 }, (_, row) => {
    const ids = columns.alike.subarray(row * 10, row * 10 + 10);
    return ids[0] === 1
      ? undefined
      : Array.from(ids).reduce((sum, id, k) => sum + ((id - 3) % 2) * 2 ** k, 0);
  });
  expect(integers).toEqual([1023, 511, 0, undefined, undefined, undefined]);
});
