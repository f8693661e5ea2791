/**
 * Lazy Adam as one would write it first: three separate arrays, unique rows in order of first occurrence,
 * one loop. The baseline of the kernels' benchmark.
 */
export function naiveLazyAdam(rows: number, dim: number) {
  const weights = new Float32Array(rows * dim);
  const m = new Float32Array(rows * dim);
  const v = new Float32Array(rows * dim);
  const slots = new Int32Array(rows).fill(-1);
  let step = 0;

  return (positionRows: Int32Array, gradients: Float32Array): void => {
    step++;
    const unique: number[] = [];
    const sums = new Float32Array(gradients.length);
    for (let i = 0; i < positionRows.length; i++) {
      const row = positionRows[i];
      if (slots[row] < 0) {
        slots[row] = unique.length;
        unique.push(row);
      }
      const at = slots[row] * dim;
      for (let d = 0; d < dim; d++) sums[at + d] += gradients[i * dim + d];
    }
    const size = (1e-3 * Math.sqrt(1 - 0.999 ** step)) / (1 - 0.9 ** step);
    for (let u = 0; u < unique.length; u++) {
      const row = unique[u];
      slots[row] = -1;
      for (let d = 0; d < dim; d++) {
        const g = sums[u * dim + d];
        const at = row * dim + d;
        m[at] = 0.9 * m[at] + 0.1 * g;
        v[at] = 0.999 * v[at] + 0.001 * g * g;
        weights[at] -= (size * m[at]) / (Math.sqrt(v[at]) + 1e-8);
      }
    }
  };
}
