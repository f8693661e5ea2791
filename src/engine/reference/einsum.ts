/**
 * Einstein summation as its definition says: one loop over all letters. Ellipses broadcast; without `->` the
 * result has the ellipsis and then the letters that occur once, in alphabetical order.
 */
import { elementCount, stridesOf, walk } from "../../onnx/index.ts";
import type { Kernel, KernelNode, KernelTable } from "./kernel.ts";
import { bigs, castInto, isBig, isFloat, type NumberValue, numbers } from "./value.ts";

/** Axes under an ellipsis get labels of their own, counted from the last so that they align on the right. */
const ellipsisLabel = (fromLast: number) => `.${fromLast}`;

function labelsOf(node: KernelNode, term: string, rank: number | undefined, ellipsisRank: number): string[] {
  const [before, after, ...rest] = term.split("...");
  if (rest.length > 0) node.fail(`more than one ellipsis in "${term}"`);
  if (after === undefined) return [...before];
  const covered = rank === undefined ? ellipsisRank : rank - before.length - after.length;
  return [...before, ...Array.from({ length: covered }, (_, i) => ellipsisLabel(covered - i)), ...after];
}

function implicitOutput(terms: readonly (readonly string[])[]): string[] {
  const counts = new Map<string, number>();
  for (const label of terms.flat()) counts.set(label, (counts.get(label) ?? 0) + 1);
  const labels = [...counts.keys()];
  const ellipsis = labels
    .filter((label) => label.startsWith("."))
    .sort((a, b) => Number(b.slice(1)) - Number(a.slice(1)));
  return [...ellipsis, ...labels.filter((label) => !label.startsWith(".") && counts.get(label) === 1).sort()];
}

const einsum: Kernel = (node) => {
  const equation = node.string("equation", "").replaceAll(" ", "");
  const [left, right] = equation.split("->");
  const inputs = node.inputs;
  const terms = left.split(",").map((term, i) => labelsOf(node, term, inputs[i]?.dims.length, 0));
  if (terms.length !== inputs.length || terms.some((labels, i) => labels.length !== inputs[i].dims.length)) {
    node.fail(`equation "${equation}" does not fit the inputs' ranks`);
  }
  const ellipsisRank = Math.max(
    0,
    ...terms.map((labels) => labels.filter((label) => label.startsWith(".")).length),
  );
  const output = right === undefined ? implicitOutput(terms) : labelsOf(node, right, undefined, ellipsisRank);

  const sizes = new Map<string, number>();
  terms.forEach((labels, i) => {
    labels.forEach((label, axis) => {
      const size = inputs[i].dims[axis];
      const known = sizes.get(label) ?? 1;
      if (known !== 1 && size !== 1 && known !== size) node.fail(`"${label}" is both ${known} and ${size}`);
      sizes.set(label, known === 1 ? size : known);
    });
  });
  const summed = [...sizes.keys()].filter((label) => !output.includes(label));
  const loop = [...output, ...summed];
  const loopDims = loop.map((label) => sizes.get(label) ?? node.fail(`"${label}" is in no input`));
  const positions = terms.map((labels, i) => {
    const strides = stridesOf(inputs[i].dims);
    const step = (label: string) =>
      labels.reduce(
        (sum, own, axis) => sum + (own === label && inputs[i].dims[axis] !== 1 ? strides[axis] : 0),
        0,
      );
    return walk(loopDims, loop.map(step));
  });

  const dims = output.map((label) => sizes.get(label)!);
  const run = elementCount(summed.map((label) => sizes.get(label)!));
  const { dtype } = inputs[0];
  if (dtype !== "int64" && isFloat(dtype)) {
    const y = numbers(dtype, dims);
    const data = inputs.map((value) => (value as NumberValue).data);
    for (let i = 0; i < y.data.length * run; i++) {
      let product = 1;
      for (let term = 0; term < data.length; term++) product *= data[term][positions[term][i]];
      y.data[Math.floor(i / run)] += product;
    }
    return [y];
  }
  const y = bigs(dims);
  for (let i = 0; i < y.data.length * run; i++) {
    y.data[Math.floor(i / run)] += inputs.reduce(
      (product, value, term) =>
        product * (isBig(value) ? value.data[positions[term][i]] : BigInt(value.data[positions[term][i]])),
      1n,
    );
  }
  return [castInto(y, dtype)];
};

export const einsumKernels: KernelTable = { Einsum: einsum };
