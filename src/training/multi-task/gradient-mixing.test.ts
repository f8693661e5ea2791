import { describe, expect, test } from "vitest";
import { CounterRandom } from "../../core/index.ts";
import { caGrad } from "./ca-grad.ts";
import { combined, type GradientMixing, gradientMixing, type Products } from "./gradient-mixing.ts";
import { impartialGradient } from "./impartial-gradient.ts";
import { minimumNorm } from "./minimum-norm.ts";
import { nashBargain } from "./nash-bargain.ts";
import { multiTaskOptions } from "./options.ts";
import { pcGrad } from "./pc-grad.ts";
import { minimizeOnSimplex } from "./simplex.ts";

type Vector = readonly number[];
const dot = (a: Vector, b: Vector): number => a.reduce((sum, x, d) => sum + x * b[d], 0);
const productsOf = (gradients: readonly Vector[]): Products =>
  gradients.map((a) => gradients.map((b) => dot(a, b)));
const mix = (coefficients: Vector, gradients: readonly Vector[]): number[] =>
  gradients[0].map((_, d) =>
    dot(
      coefficients,
      gradients.map((g) => g[d]),
    ),
  );
const draw = (tasks: number, dim: number, seed: number): number[][] => {
  const random = new CounterRandom(seed, "gradients");
  return Array.from({ length: tasks }, (_, k) =>
    Array.from({ length: dim }, (_, d) => random.normal(k * dim + d)),
  );
};
const context = { seed: 3, step: 0, main: 0 };
const methods = ["sum", "pcgrad", "mgda", "cagrad", "imtl", "nash", "gcs"] as const;
const method = (gradients: (typeof methods)[number]): GradientMixing =>
  gradientMixing(multiTaskOptions.parse({ gradients }));

describe("every method", () => {
  test.each(methods)(
    "%s gives the sum of equal gradients, and one task's own gradient (CAGrad: 1 + c times)",
    (name) => {
      const g = [0.3, -2, 5];
      for (const tasks of [1, 2, 3]) {
        const gradients = Array.from({ length: tasks }, () => g);
        const out = combined(method(name)(productsOf(gradients), context));
        const longer = name === "cagrad" ? 1.4 : 1;
        expect(mix(out, gradients)[2]).toBeCloseTo(5 * tasks * longer, 6);
      }
    },
  );

  test.each(methods)("%s is finite where gradients are zero", (name) => {
    const zero = [
      [0, 0],
      [0, 0],
    ];
    for (const coefficients of method(name)(zero, context))
      expect(coefficients.every(Number.isFinite)).toBe(true);
  });
});

describe("PCGrad", () => {
  test("is the plain sum where no gradients conflict", () => {
    const gradients = [
      [1, 0.2, 0],
      [0.5, 1, 0],
      [0, 0.3, 1],
    ];
    expect(combined(pcGrad(productsOf(gradients), context))).toEqual([1, 1, 1]);
  });

  test("of two opposite gradients is zero", () => {
    const gradients = [
      [1, -3],
      [-1, 3],
    ];
    const out = pcGrad(productsOf(gradients), context);
    for (const row of out) expect(mix(row, gradients)).toEqual([0, 0]);
  });

  test("of two conflicting gradients projects each onto the other's normal plane", () => {
    const [a, b] = [
      [1, 0],
      [-1, 2],
    ];
    const [first, second] = pcGrad(productsOf([a, b]), context).map((row) => mix(row, [a, b]));
    // a·b = -1, ‖b‖² = 5, ‖a‖² = 1
    expect(first).toEqual([1 - 1 / 5, 2 / 5]);
    expect(second).toEqual([0, 2]);
    expect(dot(first, b)).toBeCloseTo(0, 12);
    expect(dot(second, a)).toBeCloseTo(0, 12);
  });

  test("by products is what vector by vector gives, in the same order", () => {
    for (let seed = 0; seed < 20; seed++) {
      const gradients = draw(4, 3, seed);
      const out = pcGrad(productsOf(gradients), { seed, step: 7 });
      for (const [i, g] of gradients.entries()) {
        let own = [...g];
        const others = [0, 1, 2, 3].filter((j) => j !== i);
        for (const place of new CounterRandom(seed, "pcgrad", 7, i).permutation(3)) {
          const other = gradients[others[place]];
          const along = dot(own, other);
          if (along < 0) own = own.map((x, d) => x - (along / dot(other, other)) * other[d]);
        }
        for (const [d, x] of mix(out[i], gradients).entries()) expect(x).toBeCloseTo(own[d], 10);
      }
    }
  });

  test("its order depends on the seed and the step, and on nothing else", () => {
    const products = productsOf(draw(4, 3, 5));
    const at = (seed: number, step: number): string => JSON.stringify(pcGrad(products, { seed, step }));
    expect(at(1, 1)).toBe(at(1, 1));
    expect(new Set([at(1, 1), at(2, 1), at(1, 2), at(1, 3)]).size).toBeGreaterThan(1);
  });
});

describe("MGDA", () => {
  test("of two gradients is the closed form", () => {
    for (let seed = 0; seed < 20; seed++) {
      const [a, b] = draw(2, 4, seed);
      const difference = a.map((x, d) => b[d] - x);
      const share = Math.min(1, Math.max(0, dot(b, difference) / dot(difference, difference)));
      expect(minimumNorm(productsOf([a, b]))[0]).toBeCloseTo(share, 5);
    }
  });

  test("never ascends: the direction is at an acute angle to every gradient", () => {
    for (let seed = 0; seed < 20; seed++) {
      const gradients = draw(3, 5, seed);
      const direction = mix(minimumNorm(productsOf(gradients)), gradients);
      const least = dot(direction, direction);
      for (const g of gradients) expect(dot(g, direction)).toBeGreaterThan(least - 1e-4);
    }
  });

  test("of opposed gradients is zero", () => {
    const gradients = [
      [2, 0],
      [-1, 0],
    ];
    expect(mix(minimumNorm(productsOf(gradients)), gradients)[0]).toBeCloseTo(0, 6);
  });
});

describe("CAGrad", () => {
  test("with c = 0 is the sum; it stays within c of the mean gradient", () => {
    const gradients = draw(3, 4, 2);
    expect(caGrad(productsOf(gradients), 0)).toEqual([1, 1, 1]);
    const mean = mix([1 / 3, 1 / 3, 1 / 3], gradients);
    const direction = mix(caGrad(productsOf(gradients), 0.4), gradients).map((x) => x / 3);
    const away = direction.map((x, d) => x - mean[d]);
    expect(Math.sqrt(dot(away, away))).toBeCloseTo(0.4 * Math.sqrt(dot(mean, mean)), 6);
  });

  test("improves the worst-off task as much as any direction in the ball", () => {
    const gradients = draw(3, 3, 8);
    const mean = mix([1 / 3, 1 / 3, 1 / 3], gradients);
    const worst = (direction: Vector): number => Math.min(...gradients.map((g) => dot(g, direction)));
    const ours = worst(mix(caGrad(productsOf(gradients), 0.5), gradients).map((x) => x / 3));
    const radius = 0.5 * Math.sqrt(dot(mean, mean));
    const random = new CounterRandom(1, "directions");
    for (let i = 0; i < 3000; i++) {
      const u = [0, 1, 2].map((d) => random.normal(3 * i + d));
      const length = Math.sqrt(dot(u, u));
      expect(worst(mean.map((x, d) => x + (radius * u[d]) / length))).toBeLessThan(ours + 1e-6);
    }
  });
});

describe("IMTL-G and Nash-MTL", () => {
  test("IMTL-G has equal projections onto all gradients", () => {
    for (let seed = 0; seed < 10; seed++) {
      const gradients = draw(3, 6, seed);
      const alpha = impartialGradient(productsOf(gradients));
      expect(alpha.reduce((sum, a) => sum + a, 0)).toBeCloseTo(1, 9);
      const direction = mix(alpha, gradients);
      const projections = gradients.map((g) => dot(g, direction) / Math.sqrt(dot(g, g)));
      expect(projections[1]).toBeCloseTo(projections[0], 8);
      expect(projections[2]).toBeCloseTo(projections[0], 8);
    }
  });

  test("the bargain satisfies M α = 1/α, and does not depend on a loss's unit", () => {
    for (let seed = 0; seed < 10; seed++) {
      const gradients = draw(3, 6, seed);
      const products = productsOf(gradients);
      const alpha = nashBargain(products);
      for (const [k, row] of products.entries()) expect(dot(row, alpha) * alpha[k]).toBeCloseTo(1, 6);
      const scaled = [gradients[0].map((x) => 1000 * x), gradients[1], gradients[2]];
      expect(nashBargain(productsOf(scaled))[0] * 1000).toBeCloseTo(alpha[0], 6);
    }
  });
});

test("gradient cosine similarity drops tasks that point against the main one, and only those", () => {
  const gradients = [
    [1, 0],
    [-0.1, 5],
    [0.1, -5],
  ];
  const products = productsOf(gradients);
  expect(combined(method("gcs")(products, context))).toEqual([1, 0, 1]);
  expect(combined(method("gcs")(products, { ...context, main: 1 }))).toEqual([0, 1, 0]);
});

test("the least value over a simplex is found at a corner, on an edge and inside", () => {
  const near = (target: Vector) => (w: Vector) => w.reduce((sum, x, k) => sum + (x - target[k]) ** 2, 0);
  for (const target of [
    [1, 0, 0],
    [0.5, 0.5, 0],
    [0.2, 0.3, 0.5],
  ]) {
    for (const [k, x] of minimizeOnSimplex(3, near(target)).entries()) expect(x).toBeCloseTo(target[k], 5);
  }
  expect(minimizeOnSimplex(2, near([5, 0]))).toEqual([1, 0]);
});
