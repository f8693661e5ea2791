/** Softmax and the normalizations. */
import { broadcastSource, elementCount } from "../../onnx/index.ts";
import { axisView, forEachLine } from "./axis-view.ts";
import type { Kernel, KernelNode, KernelTable } from "./kernel.ts";
import { type NumberValue, numbers } from "./value.ts";

/** `exp(x - max) / Σ exp(x - max)` along one axis, or its logarithm. */
function softmax(finish: (shifted: number, sum: number) => number): Kernel {
  return (node) => {
    const x = node.floats(0);
    const y = numbers(x.dtype, x.dims);
    const view = axisView(x.dims, node.axis(node.int("axis", -1), x.dims.length));
    forEachLine(view, (start, step) => {
      let peak = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < view.size; i++) peak = Math.max(peak, x.data[start + i * step]);
      let sum = 0;
      for (let i = 0; i < view.size; i++) sum += Math.exp(x.data[start + i * step] - peak);
      for (let i = 0; i < view.size; i++) {
        y.data[start + i * step] = finish(x.data[start + i * step] - peak, sum);
      }
    });
    return [y];
  };
}

/** Mean and variance of every run of `size` neighbours. */
function moments(
  x: NumberValue,
  size: number,
): { readonly mean: Float64Array; readonly variance: Float64Array } {
  const groups = size === 0 ? 0 : x.data.length / size;
  const mean = new Float64Array(groups);
  const variance = new Float64Array(groups);
  for (let g = 0; g < groups; g++) {
    for (let i = 0; i < size; i++) mean[g] += x.data[g * size + i] / size;
    for (let i = 0; i < size; i++) variance[g] += (x.data[g * size + i] - mean[g]) ** 2 / size;
  }
  return { mean, variance };
}

/** Scale and bias broadcast to the normalized axes. */
function affine(node: KernelNode, x: NumberValue, index: number, missing: number): (i: number) => number {
  if (node.optional(index) === undefined) return () => missing;
  const value = node.floats(index);
  const from = broadcastSource(value.dims, x.dims);
  return (i) => value.data[from[i]];
}

/** Over all axes from `axis` on; also gives mean and inverse standard deviation, those axes kept as 1. */
const layerNormalization: Kernel = (node) => {
  const x = node.floats(0);
  const axis = node.axis(node.int("axis", -1), x.dims.length);
  const epsilon = node.float("epsilon", 1e-5);
  const size = elementCount(x.dims.slice(axis));
  const { mean, variance } = moments(x, size);
  const scale = affine(node, x, 1, 1);
  const bias = affine(node, x, 2, 0);
  const statistics = x.dims.map((dim, i) => (i < axis ? dim : 1));
  const inverse = variance.map((v) => 1 / Math.sqrt(v + epsilon));
  const y = numbers(x.dtype, x.dims);
  for (let i = 0; i < y.data.length; i++) {
    const group = Math.floor(i / size);
    y.data[i] = (x.data[i] - mean[group]) * inverse[group] * scale(i) + bias(i);
  }
  return [
    y,
    { dtype: x.dtype, dims: statistics, data: mean },
    { dtype: x.dtype, dims: statistics, data: inverse },
  ];
};

/** As layer normalization, but only by the root of the mean square. */
const rmsNormalization: Kernel = (node) => {
  const x = node.floats(0);
  const axis = node.axis(node.int("axis", -1), x.dims.length);
  const epsilon = node.float("epsilon", 1e-5);
  const size = elementCount(x.dims.slice(axis));
  const scale = affine(node, x, 1, 1);
  const squares = numbers(x.dtype, x.dims);
  for (let i = 0; i < squares.data.length; i++) squares.data[i] = x.data[i] ** 2;
  const { mean } = moments(squares, size);
  const y = numbers(x.dtype, x.dims);
  for (let i = 0; i < y.data.length; i++) {
    y.data[i] = (x.data[i] / Math.sqrt(mean[Math.floor(i / size)] + epsilon)) * scale(i);
  }
  return [y];
};

/** `(x - mean) / √(variance + ε) · scale + bias` for each channel (axis 1), with given statistics. */
const batchNormalization: Kernel = (node) => {
  if (node.int("training_mode", 0) !== 0)
    node.fail("training mode is not part of this engine; compose it from reductions");
  const x = node.floats(0);
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((index) => node.floats(index).data);
  const epsilon = node.float("epsilon", 1e-5);
  const { size, inner } = x.dims.length > 1 ? axisView(x.dims, 1) : { size: 1, inner: 1 };
  const y = numbers(x.dtype, x.dims);
  for (let i = 0; i < y.data.length; i++) {
    const channel = Math.floor(i / inner) % size;
    y.data[i] =
      ((x.data[i] - mean[channel]) / Math.sqrt(variance[channel] + epsilon)) * scale[channel] + bias[channel];
  }
  return [y];
};

/** Each channel of each example by its own mean and variance. */
const instanceNormalization: Kernel = (node) => {
  const x = node.floats(0);
  const [scale, bias] = [node.floats(1).data, node.floats(2).data];
  const epsilon = node.float("epsilon", 1e-5);
  const channels = x.dims[1];
  const size = elementCount(x.dims.slice(2));
  const { mean, variance } = moments(x, size);
  const y = numbers(x.dtype, x.dims);
  for (let i = 0; i < y.data.length; i++) {
    const group = Math.floor(i / size);
    const channel = group % channels;
    y.data[i] =
      ((x.data[i] - mean[group]) / Math.sqrt(variance[group] + epsilon)) * scale[channel] + bias[channel];
  }
  return [y];
};

export const normalizationKernels: KernelTable = {
  Softmax: softmax((shifted, sum) => Math.exp(shifted) / sum),
  LogSoftmax: softmax((shifted, sum) => shifted - Math.log(sum)),
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  BatchNormalization: batchNormalization,
  InstanceNormalization: instanceNormalization,
};
