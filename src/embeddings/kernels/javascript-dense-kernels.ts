/** The dense kernels in plain JavaScript, one rounding to float32 after every operation. */
import { type DenseKernels, type DensePass, SQUARES_BLOCK } from "./dense-kernels.ts";
import { squaresOf } from "./javascript-row-kernels.ts";

const f = Math.fround;

export function javascriptDenseKernels(memory: WebAssembly.Memory): DenseKernels {
  const floats = new Float32Array(memory.buffer);

  /** `move` gets each element's index and gradient, and returns what to take off the decayed weight. */
  function step(pass: DensePass, move: (i: number, g: number) => number): void {
    const { count, l2, scale, keep } = pass;
    const w = pass.weights >>> 2;
    const from = pass.gradient >>> 2;
    for (let i = 0; i < count; i++) {
      const g = f(f(floats[from + i] + f(f(l2) * floats[w + i])) * f(scale));
      const update = move(i, g);
      floats[w + i] = f(f(keep) * floats[w + i]) - update;
    }
  }

  return {
    squares({ count, weights, gradient, l2 }) {
      let total = 0;
      for (let block = 0; block < count; block += SQUARES_BLOCK) {
        const g = (gradient >>> 2) + block;
        const w = (weights >>> 2) + block;
        total += squaresOf(Math.min(SQUARES_BLOCK, count - block), (i) =>
          f(floats[g + i] + f(f(l2) * floats[w + i])),
        );
      }
      return total;
    },

    sgd(pass, rate) {
      step(pass, (_i, g) => f(f(rate) * g));
    },

    momentum(pass, state, rate, momentum) {
      const b = state >>> 2;
      step(pass, (i, g) => {
        const next = f(f(f(momentum) * floats[b + i]) + g);
        floats[b + i] = next;
        return f(f(rate) * next);
      });
    },

    adagrad(pass, state, rate, epsilon) {
      const a = state >>> 2;
      step(pass, (i, g) => {
        const next = f(floats[a + i] + f(g * g));
        floats[a + i] = next;
        return f(f(f(rate) * g) / f(f(Math.sqrt(next)) + epsilon));
      });
    },

    adam(pass, first, second, { beta1, gain1, beta2, gain2, size, epsilon }) {
      const m = first >>> 2;
      const v = second >>> 2;
      step(pass, (i, g) => {
        const nextM = f(f(beta1 * floats[m + i]) + f(gain1 * g));
        const nextV = f(f(beta2 * floats[v + i]) + f(gain2 * f(g * g)));
        floats[m + i] = nextM;
        floats[v + i] = nextV;
        return f(f(size * nextM) / f(f(Math.sqrt(nextV)) + epsilon));
      });
    },
  };
}
